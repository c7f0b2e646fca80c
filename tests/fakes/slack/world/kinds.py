"""Messages that are no plain text (shared ones, tables, alerts, /me), and changes that are no edits (pins)."""

import uuid
from typing import NamedTuple

from tests.fakes.slack.blocks.content import TOKEN, decode, rich_text, typed

from .errors import ApiError
from .messages import add_message, check_may_post, edited
from .models import Channel, JsonObject, Message, User
from .payloads import file_json, message_json
from .state import World

# What Slack writes as the fallback of an attachment that consists of blocks.
NO_PREVIEW = "[no preview available]"
# The color of an attachment for which its author chose none.
_GREY = "D0D0D0"


class Place(NamedTuple):
    """A channel, or the thread in it whose root has the timestamp."""

    channel: Channel
    thread_ts: str | None = None


def share(world: World, message: Message, place: Place, user: User, text: str) -> Message:
    """Show a message in another place: a message of `user`, whose attachment holds a copy; `text` may be empty.

    Raises:
        ApiError: message_not_found if `user` may not see it; what `check_may_post` raises.
    """
    sees = user.id in message.channel.members and message.visible_to in {None, user.id}
    if not sees or message.channel.messages.get(message.ts) is not message:
        raise ApiError("message_not_found")
    attachment = {**shared_json(message), "is_share": True}
    return _post(world, place, user, text, attachment)


def shared_json(message: Message) -> JsonObject:
    """The copy of a message, as it stands in the attachments of the one that shows it."""
    author, place = message.author, message.channel
    link = permalink(message)
    where = {"team": place.team.id, "channel": place.id, "ts": message.ts}
    found: JsonObject = {
        "id": 1,
        "ts": message.ts,
        "channel_id": place.id,
        "channel_team": place.team.id,
        "author_id": author.id,
        "author_name": author.real_name or author.name,
        "author_subname": author.name,
        "author_link": f"https://{author.team.domain}.slack.com/team/{author.id}",
        "is_msg_unfurl": True,
        "message_blocks": [{**where, "message": {"blocks": message.blocks}}] if message.blocks else [],
        "text": message.text,
        "fallback": f"[{message.ts}] {author.name}: {message.text}",
        "from_url": link,
        "original_url": link,
        "footer": "Slack Conversation" if place.is_direct else f"Posted in #{place.name}",
        "mrkdwn_in": ["text"],
        "color": _GREY,
    }
    if message.files:
        found["files"] = [file_json(one) for one in message.files]
    return found


def permalink(message: Message) -> str:
    """The address of a message on the web."""
    link = (
        f"https://{message.channel.team.domain}.slack.com/archives/{message.channel.id}/p{message.ts.replace('.', '')}"
    )
    return f"{link}?thread_ts={message.thread_ts}&cid={message.channel.id}" if message.is_reply else link


def paste_table(world: World, place: Place, user: User, rows: list[list[str]], text: str) -> Message:
    """Write a message with a table in it, which stands in the attachments; `text` does not hold it.

    Raises:
        ApiError: no_text for a table without cells; what `check_may_post` raises.
    """
    if not any(rows):
        raise ApiError("no_text")
    table = {"type": "table", "block_id": "t0", "rows": [[_cell(cell) for cell in row] for row in rows]}
    return _post(world, place, user, text, {"id": 1, "blocks": [table], "fallback": NO_PREVIEW})


def _cell(content: str) -> JsonObject:
    wire = typed(content)
    return rich_text(wire) if TOKEN.search(wire) else {"type": "raw_text", "text": decode(wire)}


def alert(world: World, channel: Channel, bot: User, attachment: JsonObject) -> Message:
    """Post as monitoring apps do: no text and no blocks, all words in an attachment of the older kind.

    Raises:
        ApiError: no_text for an empty attachment; what `check_may_post` raises.
    """
    check_may_post(channel, bot, None)
    if not attachment:
        raise ApiError("no_text")
    message = Message(world.clock.timestamp(), channel, bot, subtype="bot_message")
    fallback = attachment.get("text") or attachment.get("title") or NO_PREVIEW
    message.attachments = [{"id": 1, "color": _GREY, "fallback": fallback, **attachment}]
    return add_message(world, message)


def say_me(world: World, channel: Channel, user: User, text: str) -> Message:
    """`/me …`: a message of its own subtype, without blocks.

    Raises:
        ApiError: no_text; what `check_may_post` raises.
    """
    check_may_post(channel, user, None)
    if not text.strip():
        raise ApiError("no_text")
    message = Message(world.clock.timestamp(), channel, user, text=typed(text), subtype="me_message")
    return add_message(world, message)


def pin(world: World, message: Message, user: User) -> None:
    """Pin a message: it changes without being edited, an event tells of the pin, and so does a line in the channel.

    Raises:
        ApiError: already_pinned; not_in_channel.
    """
    channel = message.channel
    if user.id not in channel.members:
        raise ApiError("not_in_channel")
    if message.pinned:
        raise ApiError("already_pinned")
    before = message_json(message, world)
    message.pinned = {"channel": channel.id, "pinned_by": user.id, "pinned_ts": int(world.clock.now())}
    edited(world, message, before, by_person=False)
    _announce_pin(world, "pin_added", message, user)
    line = Message(world.clock.timestamp(), channel, user, subtype="pinned_item")
    line.text = f"{user.mention} pinned a message to this channel."
    add_message(world, line)


def unpin(world: World, message: Message, user: User) -> None:
    """Take a pin back; no line tells of it.

    Raises:
        ApiError: no_pin; not_in_channel.
    """
    if user.id not in message.channel.members:
        raise ApiError("not_in_channel")
    if message.pinned is None:
        raise ApiError("no_pin")
    before = message_json(message, world)
    message.pinned = None
    edited(world, message, before, by_person=False)
    _announce_pin(world, "pin_removed", message, user)


def _announce_pin(world: World, kind: str, message: Message, user: User) -> None:
    channel = message.channel
    pinned = [one for one in channel.messages.values() if one.pinned]
    item: JsonObject = {"type": "message", "channel": channel.id, "message": message_json(message, world)}
    item |= {"created": int(world.clock.now()), "created_by": user.id}
    event: JsonObject = {
        "type": kind,
        "user": user.id,
        "channel_id": channel.id,
        "item": item,
        "item_user": message.author.id,
    }
    event |= {"pin_count": len(pinned), "has_pins": bool(pinned), "event_ts": world.clock.timestamp()}
    world.emit(kind, event, channel)


def _post(world: World, place: Place, user: User, text: str, attachment: JsonObject) -> Message:
    check_may_post(place.channel, user, place.thread_ts)
    wire = typed(text)
    message = Message(world.clock.timestamp(), place.channel, user, text=wire, thread_ts=place.thread_ts)
    message.attachments = [attachment]
    if wire:
        message.blocks = [rich_text(wire) | {"block_id": "b0"}]
    if not user.is_bot:
        message.client_msg_id = str(uuid.uuid4())
    return add_message(world, message)
