"""Messages that are no plain text (forwards, polls, stickers, lines of threads), and changes that are no edits."""

from .clock import iso
from .errors import ApiError
from .messages import Origin, announce, create_message
from .models import WRITTEN, Channel, ChannelType, JsonObject, Message, MessageFlag, MessageType, User
from .payloads import snapshot_json
from .permissions import Permission
from .state import World
from .threads import check_may_open_thread, open_thread

POLL_LIFE_S = 24 * 3600.0
MOST_ANSWERS = 10
_FORWARD = 1


def forward(world: World, message: Message, channel: Channel, user: User) -> Message:
    """Show a message in another place: an empty message that refers to it and holds a copy.

    Raises:
        ApiError: 50001 or 50013 if the user may not read it; 50021 for a message by Discord itself.
    """
    world.require(message.channel, user, Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY)
    if message.type not in WRITTEN:
        raise ApiError(50021)
    reference = {"type": _FORWARD, **_where(message)}
    origin = Origin(type=MessageType.DEFAULT, reference=reference, snapshots=[snapshot_json(message)])
    return create_message(world, channel, user, {}, origin=origin)


def poll(world: World, channel: Channel, user: User, question: str, answers: list[str]) -> Message:
    """Ask everybody; the message has no text.

    Raises:
        ApiError: 50035 for no answers, or too many.
    """
    if not 1 <= len(answers) <= MOST_ANSWERS:
        raise ApiError(50035)
    body: JsonObject = {
        "question": {"text": question},
        "answers": [
            {"answer_id": number, "poll_media": {"text": answer}} for number, answer in enumerate(answers, start=1)
        ],
        "expiry": iso(world.clock.now() + POLL_LIFE_S),
        "allow_multiselect": False,
        "layout_type": 1,
        "results": {"is_finalized": False, "answer_counts": []},
    }
    return create_message(world, channel, user, {}, origin=Origin(poll=body))


def sticker(world: World, channel: Channel, user: User, name: str) -> Message:
    """Send a sticker; the message has no text."""
    item = {"id": str(world.clock.snowflake()), "name": name, "format_type": 1}
    return create_message(world, channel, user, {}, origin=Origin(stickers=[item]))


def thread_on_message(world: World, message: Message, user: User, payload: JsonObject) -> Channel:
    """Open a thread on a message: it gets the message's id, and a copy of the message as its first line."""
    kind = check_may_open_thread(world, message.channel, user, payload, message)
    thread = open_thread(world, message.channel, user, payload, kind=kind, thread_id=message.id)
    message.thread = thread
    message.flags |= MessageFlag.HAS_THREAD
    announce(world, "MESSAGE_UPDATE", message)
    source = {"type": 0, "channel_id": str(message.channel.id), "message_id": str(message.id)}
    create_message(world, thread, message.author, {}, origin=Origin(type=MessageType.THREAD_STARTER, reference=source))
    return thread


def announce_thread(world: World, thread: Channel, user: User) -> None:
    """The line in a channel that says that somebody began a thread there without a message; it refers to the thread."""
    parent = thread.parent
    if parent is None or parent.guild is None or parent.type is ChannelType.FORUM or thread.is_private_thread:
        return
    reference = {"type": 0, "channel_id": str(thread.id), "guild_id": str(parent.guild.id)}
    origin = Origin(type=MessageType.THREAD_CREATED, reference=reference)
    create_message(world, parent, user, {"content": thread.name}, origin=origin)


def pin(world: World, message: Message, user: User) -> None:
    """Pin a message: it is updated without being edited, the channel has a new last pin, and a line tells everybody."""
    if message.pinned:
        return
    message.pinned = True
    announce(world, "MESSAGE_UPDATE", message)
    _announce_pins(world, message.channel)
    origin = Origin(type=MessageType.PINNED_MESSAGE, reference={"type": 0, **_where(message)})
    create_message(world, message.channel, user, {}, origin=origin)


def unpin(world: World, message: Message) -> None:
    """Take a pin back; nobody is told by a message."""
    if not message.pinned:
        return
    message.pinned = False
    announce(world, "MESSAGE_UPDATE", message)
    _announce_pins(world, message.channel)


def add_preview(world: World, message: Message, embed: JsonObject) -> None:
    """What Discord found behind a link is added some time after the message: an update, but no edit."""
    if message.flags & MessageFlag.SUPPRESS_EMBEDS:
        return
    message.embeds = [*message.embeds, embed]
    announce(world, "MESSAGE_UPDATE", message)


def _announce_pins(world: World, channel: Channel) -> None:
    has_pins = any(message.pinned for message in channel.messages.values())
    data: JsonObject = {
        "channel_id": str(channel.id),
        "last_pin_timestamp": iso(world.clock.now()) if has_pins else None,
    }
    if channel.guild is not None:
        data["guild_id"] = str(channel.guild.id)
    world.emit("CHANNEL_PINS_UPDATE", data, channel)


def _where(message: Message) -> JsonObject:
    guild = message.channel.guild
    where = {"guild_id": str(guild.id)} if guild else {}
    return {"channel_id": str(message.channel.id), "message_id": str(message.id), **where}
