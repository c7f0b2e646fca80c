"""What posting, editing and deleting a message does, whoever asks: the app by the Web API or a simulated user."""

from tests.fakes.slack.blocks.content import Active, read_blocks, read_text
from tests.fakes.slack.blocks.render import shown_text

from .errors import ApiError
from .ledger import Ping, Revision, Unfurl
from .models import Channel, File, JsonObject, Message, User
from .payloads import message_json, replies_to
from .state import KINDS, World


def check_may_post(channel: Channel, author: User, thread_ts: str | None) -> None:
    """Refuse to let `author` write there.

    Raises:
        ApiError: not_in_channel, is_archived, restricted_action*, cannot_reply_to_message.
    """
    if channel.is_archived:
        raise ApiError("is_archived")
    if author.id not in channel.members:
        raise ApiError("not_in_channel")
    if channel.refuses:
        raise ApiError(channel.refuses)
    if thread_ts is None:
        return
    if thread_ts in channel.locked_threads:
        raise ApiError("restricted_action_thread_locked")
    root = channel.messages.get(thread_ts)
    if root is None or root.is_reply or root.visible_to is not None:
        raise ApiError("cannot_reply_to_message")


def add_message(world: World, message: Message) -> Message:
    """Put a message into its channel and tell everybody."""
    channel = message.channel
    channel.messages[message.ts] = message
    if message.broadcast and message.is_reply:
        message.subtype = "thread_broadcast"
    show(world, message)
    if message.visible_to is None:
        announce(world, message, message_json(message, world))
        _announce_mentions(world, message)
        _announce_reply(world, message)
    return message


def edited(world: World, message: Message, before: JsonObject, *, by_person: bool = True) -> None:
    """Tell everybody that a message has changed; `before` is what `message_json` gave earlier.

    Args:
        world: The fake's state.
        message: The message as it is now.
        before: As it was.
        by_person: False for changes that Slack makes, such as previews: they leave no "edited".
    """
    if by_person:
        message.edited_ts = world.clock.timestamp()
    show(world, message)
    if message.visible_to is not None:
        return
    change = {
        "subtype": "message_changed",
        "message": message_json(message, world),
        **_as_it_was(world, before),
        "hidden": True,
        "ts": world.clock.timestamp(),
    }
    announce(world, message, {"type": "message", **change})
    if by_person and not message.author.is_bot:
        _announce_mentions(world, message, before)


def delete_message(world: World, message: Message) -> None:
    """Take a message away; a root with replies leaves a tombstone."""
    before = message_json(message, world)
    world.ledger.deleted(message, world.clock.now())
    if message.visible_to is not None:
        del message.channel.messages[message.ts]
        return
    if not message.is_reply and replies_to(message):
        message.subtype, message.text = "tombstone", "This message was deleted."
        message.blocks, message.files, message.attachments, message.stream = [], [], [], None
        change: JsonObject = {"subtype": "message_changed", "message": message_json(message, world)}
        change |= _as_it_was(world, before)
    else:
        del message.channel.messages[message.ts]
        change = {"subtype": "message_deleted", "deleted_ts": message.ts, "previous_message": before}
    change |= {"hidden": True, "ts": world.clock.timestamp()}
    announce(world, message, {"type": "message", **change})


def delete_file(world: World, file: File) -> None:
    """Delete a file: messages keep a tombstone of it, and Slack tells of them as changed, though nobody edited them."""
    holders = [one for channel in world.channels.values() for one in channel.messages.values() if file in one.files]
    before = {message.ts: message_json(message, world) for message in holders}
    file.is_deleted = True
    for message in holders:
        edited(world, message, before[message.ts], by_person=False)


def show(world: World, message: Message) -> None:
    """Enter a message into the ledger as it looks now, with whom it notifies and what it previews."""
    stream = message.stream
    revision = Revision(
        world.clock.now(),
        shown_text(message, world.name),
        message.text,
        tuple(message.blocks) if stream is None else (*stream.chunk_blocks, *stream.final_blocks),
        streaming=stream is not None and stream.state in {"streaming", "expired"},
        tasks=() if stream is None else tuple(stream.tasks.values()),
        files=tuple(file.name for file in message.files if not file.is_deleted),
    )
    is_first = (message.channel.id, message.ts) not in world.ledger.messages
    _notify(world, message, by_edit=not is_first and stream is None)
    world.ledger.saw(message, revision)


def active(message: Message) -> Active:
    """Mentions and links of a message that work."""
    found = Active()
    read_text(message.text, found, names=message.active_names)
    read_text(message.markdown, found)
    blocks = message.blocks
    if message.stream is not None:
        read_text(message.stream.text, found)
        for task in message.stream.tasks.values():
            read_text("\n".join(str(task.get(key, "")) for key in ("title", "details", "output")), found)
        blocks = [*blocks, *message.stream.chunk_blocks, *message.stream.final_blocks]
    read_blocks(blocks, found)
    return found


def _notify(world: World, message: Message, *, by_edit: bool) -> None:
    ledger, where = world.ledger, (message.channel.id, message.ts, message.author.id)
    found = active(message)
    known = {(ping.kind, ping.target) for ping in ledger.pings if (ping.channel_id, ping.ts) == where[:2]}
    for kind, target in dict.fromkeys(found.mentions):
        if (kind, target) not in known:
            ledger.pings.append(Ping(*where, kind, target, by_edit=by_edit))
    if not _unfurls(world, message):
        return
    previewed = {one.url for one in ledger.unfurls if (one.channel_id, one.ts) == where[:2]}
    ledger.unfurls += [Unfurl(*where, url) for url in dict.fromkeys(found.links) if url not in previewed]


def _unfurls(world: World, message: Message) -> bool:
    if message.visible_to is not None:
        return False
    if message.stream is not None:
        return world.stream_rules.unfurls and message.unfurl_links is not False
    if not message.author.is_bot:
        return True
    # Slack previews media of bots unless it is told not to, and pages only if it is told to.
    return bool(message.unfurl_links) or message.unfurl_media is not False


def _as_it_was(world: World, before: JsonObject) -> JsonObject:
    return {} if world.telling.leaves_out_before else {"previous_message": before}


def announce(world: World, message: Message, event: JsonObject) -> None:
    """Send an event of a message to who is subscribed to those of its kind of place."""
    channel = message.channel
    kinds = {"channel": "channel", "group": "group", "im": "im", "mpim": "mpim"}
    told = event | {"channel": channel.id, "channel_type": kinds[channel.kind], "event_ts": event["ts"]}
    if channel.is_shared and "user" in told:
        told |= {"user_team": message.author.team.id, "source_team": message.author.team.id}
    world.emit(KINDS[channel.kind], told, channel)


def _announce_reply(world: World, reply: Message) -> None:
    """message_replied: its root has one more reply."""
    root = reply.channel.messages.get(reply.root)
    if not world.telling.replies or not reply.is_reply or root is None:
        return
    told = message_json(root, world)
    told["replies"] = [{"user": one.author.id, "ts": one.ts} for one in replies_to(root)]
    event: JsonObject = {"type": "message", "subtype": "message_replied", "message": told, "hidden": True}
    announce(world, root, event | {"ts": world.clock.timestamp()})


def _announce_mentions(world: World, message: Message, before: JsonObject | None = None) -> None:
    """app_mention, for each installation's bot that the text names; never in direct messages."""
    if message.channel.is_direct:
        return
    for installation in world.installations_in(message.channel):
        mention = installation.bot.mention
        is_new = before is None or mention not in before["text"]
        if mention in message.text and is_new and message.author is not installation.bot:
            told = message_json(message, world)
            told.pop("subtype", None)
            told |= {"type": "app_mention", "channel": message.channel.id, "event_ts": message.ts}
            if message.channel.is_shared:
                told |= {"user_team": message.author.team.id, "source_team": message.author.team.id}
            world.emit("app_mention", told, message.channel)
