"""What sending, editing and deleting a message does, whoever asks: the bot by REST or a simulated user."""

from dataclasses import dataclass, field

from .clock import snowflake_seconds
from .content import check_message, walk
from .errors import ApiError, form_error
from .grants import send_permission
from .models import Attachment, Channel, ChannelType, JsonObject, Message, MessageFlag, MessageType, User
from .notifications import notify, set_mentions, targets
from .payloads import message_event_json
from .permissions import Permission
from .state import Event, World
from .threads import add_thread_member, set_archived

NONCE_MEMORY_S = 300.0
LATE_EDIT_AGE_S = 3600.0
# Discord writes these itself: about the message or thread that they refer to.
WITHOUT_TEXT = {MessageType.THREAD_STARTER, MessageType.PINNED_MESSAGE}


@dataclass(frozen=True)
class Origin:
    """How a message comes about, when it is not simply sent."""

    type: MessageType | None = None
    webhook_id: int | None = None
    interaction: JsonObject | None = None
    visible_to: int | None = None
    message_id: int | None = None
    # What the first line of a thread is a copy of; replies name theirs in the body.
    reference: JsonObject | None = None
    # "The bot is thinking…": empty until it is edited.
    is_loading: bool = False
    poll: JsonObject | None = None
    stickers: list[JsonObject] = field(default_factory=list)
    snapshots: list[JsonObject] = field(default_factory=list)


def check_may_send(world: World, channel: Channel, author: User) -> None:
    """Refuse to let `author` write in `channel`.

    Raises:
        ApiError: 50001, 50013, 50007 (closed direct messages), 160005 (locked thread), 50008 (a forum).
    """
    if channel.type is ChannelType.FORUM:
        raise ApiError(50008)
    world.require(channel, author, send_permission(channel))
    if channel.guild is None and author.bot:
        others = [world.users[user_id] for user_id in channel.recipient_ids if user_id != author.id]
        if any(user.dms_closed for user in others):
            raise ApiError(50007)
    locked = channel.thread is not None and channel.thread.locked
    if locked and not world.permissions(channel, author) & Permission.MANAGE_THREADS:
        raise ApiError(160005)


def create_message(
    world: World,
    channel: Channel,
    author: User,
    payload: JsonObject,
    files: list[Attachment] | None = None,
    *,
    origin: Origin | None = None,
) -> Message:
    """Put a message into a channel and tell everybody; a repeated enforced nonce returns the first message.

    Raises:
        ApiError: The body is refused (50035, 50006, 160002, 200000, 240000).
    """
    origin = origin or Origin()
    check_message(payload, channel.guild, world.harmful_links)
    text = (payload.get("content") or "").strip()
    has_content = text or files or any(payload.get(part) for part in ("embeds", "components"))
    has_content = has_content or origin.poll or origin.stickers or origin.snapshots
    if not has_content and not origin.is_loading and origin.type not in WITHOUT_TEXT:
        raise ApiError(50006)
    earlier = _find_by_nonce(world, channel, author, payload)
    if earlier is not None:
        return earlier
    reference = origin.reference or _check_reference(world, channel, author, payload.get("message_reference"))
    if channel.thread is not None and channel.thread.archived:
        set_archived(world, channel, archived=False)
    message = Message(
        id=origin.message_id or world.clock.snowflake(),
        channel=channel,
        author=author,
        created_at=world.clock.now(),
        type=_type(origin, reference),
        reference=reference,
        nonce=payload.get("nonce"),
        webhook_id=origin.webhook_id,
        interaction=origin.interaction,
        visible_to=origin.visible_to,
        attachments=files or [],
        flags=MessageFlag.LOADING if origin.is_loading else MessageFlag(0),
        poll=origin.poll,
        stickers=origin.stickers,
        snapshots=origin.snapshots,
    )
    _set_content(world, message, payload)
    if message.snapshots:
        message.flags |= MessageFlag.HAS_SNAPSHOT
    channel.messages[message.id] = message
    _remember_nonce(world, message, payload)
    notify(world, message)
    world.ledger.saw(message, world.clock.now())
    announce(world, "MESSAGE_CREATE", message)
    if channel.thread is not None and message.visible_to is None and message.type is not MessageType.THREAD_STARTER:
        for user in [author, *message.mentioned_users]:
            add_thread_member(world, channel, user)
    return message


def edit_message(world: World, message: Message, payload: JsonObject, files: list[Attachment] | None = None) -> None:
    """Change a message; what the body leaves out stays.

    Raises:
        ApiError: The body is refused, the thread is archived (50083), or it is an old message edited too often (30046).
    """
    check_message(payload, message.channel.guild, world.harmful_links)
    if message.channel.thread is not None and message.channel.thread.archived:
        raise ApiError(50083)
    _check_late_edit(world, message)
    before = set(targets(message))
    message.flags &= ~MessageFlag.LOADING
    message.edited_at = world.clock.now()
    _set_content(world, message, payload)
    kept = {int(attachment["id"]) for attachment in payload.get("attachments") or [] if "filename" not in attachment}
    if payload.get("attachments") is not None:
        message.attachments = [attachment for attachment in message.attachments if attachment.id in kept]
    message.attachments += files or []
    notify(world, message, already=before)
    world.ledger.saw(message, world.clock.now())
    announce(world, "MESSAGE_UPDATE", message)


def delete_message(world: World, message: Message) -> None:
    """Take a message away."""
    message.channel.messages.pop(message.id, None)
    world.ledger.deleted(message, world.clock.now())
    if message.visible_to is None:
        where = {"guild_id": str(message.channel.guild.id)} if message.channel.guild else {}
        data = {"id": str(message.id), "channel_id": str(message.channel.id), **where}
        world.emit("MESSAGE_DELETE", data, message.channel)


def announce(world: World, name: str, message: Message) -> None:
    """Dispatch a message event; ephemeral messages go over no gateway."""
    if message.visible_to is not None:
        return
    guild = message.channel.guild
    is_open = guild is None or message.author is world.bot or world.bot in message.mentioned_users
    data = message_event_json(message, world)
    world.publish(Event(name, data, None if guild is None else guild.id, message.channel, is_open))


def _type(origin: Origin, reference: JsonObject | None) -> MessageType:
    if origin.type is not None:
        return origin.type
    return MessageType.REPLY if reference else MessageType.DEFAULT


def _find_by_nonce(world: World, channel: Channel, author: User, payload: JsonObject) -> Message | None:
    if not payload.get("enforce_nonce"):
        return None
    message_id, until = world.nonces.get((channel.id, author.id, str(payload.get("nonce"))), (0, 0.0))
    return channel.messages.get(message_id) if world.clock.now() < until else None


def _remember_nonce(world: World, message: Message, payload: JsonObject) -> None:
    if payload.get("nonce"):
        key = (message.channel.id, message.author.id, str(payload["nonce"]))
        world.nonces[key] = (message.id, world.clock.now() + NONCE_MEMORY_S)


def _check_reference(world: World, channel: Channel, author: User, reference: JsonObject | None) -> JsonObject | None:
    if reference is None:
        return None
    if not world.permissions(channel, author) & Permission.READ_MESSAGE_HISTORY:
        raise ApiError(160002)
    exists = int(reference["message_id"]) in channel.messages
    if not exists and reference.get("fail_if_not_exists", True):
        raise form_error("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    if not exists:
        return None
    where = {"guild_id": str(channel.guild.id)} if channel.guild else {}
    return {"type": 0, "channel_id": str(channel.id), "message_id": str(reference["message_id"]), **where}


def _check_late_edit(world: World, message: Message) -> None:
    now = world.clock.now()
    if now - snowflake_seconds(message.id) < LATE_EDIT_AGE_S:
        return
    limit = world.late_edits
    recent = [time for time in message.recent_late_edits if now - time < limit.window_s]
    if len(recent) >= limit.count:
        text = "Maximum number of edits to messages older than 1 hour reached. Try again later"
        wait = round(limit.window_s - (now - recent[0]), 3)
        raise ApiError(30046, status=429, message=text, retry_after=wait, **{"global": False})
    message.recent_late_edits = [*recent, now]


def _set_content(world: World, message: Message, payload: JsonObject) -> None:
    if "content" in payload:
        message.content = (payload["content"] or "").strip()
    if "embeds" in payload:
        message.embeds = payload["embeds"] or []
    if "components" in payload:
        message.components = payload["components"] or []
        for number, part in enumerate(walk(message.components), start=1):
            part.setdefault("id", number)
    if "flags" in payload:
        settable = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.COMPONENTS_V2
        message.flags = (message.flags & ~settable) | (MessageFlag(payload["flags"] or 0) & settable)
    if message.visible_to is not None:
        message.flags |= MessageFlag.EPHEMERAL
    if "content" in payload or message.edited_at is None:
        set_mentions(world, message, payload.get("allowed_mentions"))
