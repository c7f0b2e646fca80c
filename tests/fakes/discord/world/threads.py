"""What opening, changing, archiving and deleting a thread does, and who is a member of it."""

from .clock import iso
from .errors import ApiError, form_error
from .models import Channel, ChannelType, JsonObject, Message, ThreadState, User
from .payloads import joined_thread_json, thread_json
from .permissions import Permission
from .state import World

MAX_NAME = 100
ARCHIVE_MINUTES = {60, 1440, 4320, 10080}


def check_may_open_thread(
    world: World, parent: Channel, user: User, payload: JsonObject, from_message: Message | None = None
) -> ChannelType:
    """Refuse to open a thread, or say of which kind it will be.

    Raises:
        ApiError: 50024 (no threads here), 50001, 50013, 160004 (it has one), 160006 (too many), 50035.
    """
    if parent.type not in {ChannelType.TEXT, ChannelType.ANNOUNCEMENT, ChannelType.FORUM} or parent.guild is None:
        raise ApiError(50024)
    kind = _kind(parent, payload, from_message)
    needed = {
        ChannelType.PRIVATE_THREAD: Permission.CREATE_PRIVATE_THREADS,
        ChannelType.FORUM: Permission.SEND_MESSAGES,
    }.get(parent.type if parent.type is ChannelType.FORUM else kind, Permission.CREATE_PUBLIC_THREADS)
    world.require(parent, user, needed)
    if from_message is not None and (from_message.thread is not None or from_message.id in world.channels):
        raise ApiError(160004)
    if (
        sum(1 for thread in parent.guild.threads.values() if not _state(thread).archived)
        >= parent.guild.max_active_threads
    ):
        raise ApiError(160006)
    check_settings(payload)
    if not payload.get("name"):
        raise form_error("name", "BASE_TYPE_REQUIRED", "This field is required")
    return kind


def check_settings(payload: JsonObject) -> None:
    """Refuse a name or an archive time out of its limits, with 50035."""
    if "name" in payload and not 1 <= len(payload["name"].strip()) <= MAX_NAME:
        raise form_error("name", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {MAX_NAME} in length.")
    if (payload.get("auto_archive_duration") or 1440) not in ARCHIVE_MINUTES:
        raise form_error("auto_archive_duration", "BASE_TYPE_CHOICES", f"Must be one of {sorted(ARCHIVE_MINUTES)}.")


def open_thread(
    world: World, parent: Channel, user: User, payload: JsonObject, *, kind: ChannelType, thread_id: int
) -> Channel:
    """Make the thread and tell everybody who may see it. A thread on a message has that message's id."""
    if parent.guild is None:
        raise ApiError(50024)
    state = ThreadState(
        owner_id=user.id,
        changed_at=world.clock.now(),
        auto_archive_minutes=payload.get("auto_archive_duration") or 1440,
        member_ids={user.id},
    )
    thread = Channel(thread_id, kind, payload["name"].strip(), parent.guild, parent, state)
    parent.guild.threads[thread.id] = world.channels[thread.id] = thread
    world.emit("THREAD_CREATE", joined_thread_json(thread, world) | {"newly_created": True}, thread)
    return thread


def set_archived(world: World, thread: Channel, *, archived: bool) -> None:
    """Archive a thread, or take it back from there."""
    change_thread(world, thread, {"archived": archived})


def change_thread(world: World, thread: Channel, payload: JsonObject) -> None:
    """Rename, archive, lock: whatever the body names."""
    state = _state(thread)
    thread.name = payload.get("name", thread.name)
    thread.slowmode_s = payload.get("rate_limit_per_user", thread.slowmode_s) or 0
    state.archived = payload.get("archived", state.archived)
    state.locked = payload.get("locked", state.locked)
    state.auto_archive_minutes = payload.get("auto_archive_duration", state.auto_archive_minutes)
    state.changed_at = world.clock.now()
    world.emit("THREAD_UPDATE", thread_json(thread), thread)


def delete_thread(world: World, thread: Channel) -> None:
    """Take a thread and all that is in it away."""
    if thread.guild is None or thread.parent is None:
        raise ApiError(50024)
    data = {
        "id": str(thread.id),
        "guild_id": str(thread.guild.id),
        "parent_id": str(thread.parent.id),
        "type": int(thread.type),
    }
    world.emit("THREAD_DELETE", data, thread)
    del thread.guild.threads[thread.id], world.channels[thread.id]
    for message in thread.messages.values():
        world.ledger.deleted(message, world.clock.now())


def add_thread_member(world: World, thread: Channel, user: User) -> None:
    """Make `user` a member; a bot that is added to a private thread learns of the thread by this."""
    state = _state(thread)
    if user.id in state.member_ids:
        return
    state.member_ids.add(user.id)
    if user is world.bot and thread.is_private_thread:
        world.emit("THREAD_CREATE", joined_thread_json(thread, world), thread)
    _announce_members(world, thread, {"added_members": [thread_member_json(world, thread, user.id)]})


def remove_thread_member(world: World, thread: Channel, user: User) -> None:
    """Take `user` out of the thread."""
    _state(thread).member_ids.discard(user.id)
    _announce_members(world, thread, {"removed_member_ids": [str(user.id)]})


def thread_member_json(world: World, thread: Channel, user_id: int) -> JsonObject:
    """A thread member object."""
    return {"id": str(thread.id), "user_id": str(user_id), "join_timestamp": iso(world.clock.now()), "flags": 0}


def _announce_members(world: World, thread: Channel, change: JsonObject) -> None:
    guild_id = "" if thread.guild is None else str(thread.guild.id)
    counted = {"id": str(thread.id), "guild_id": guild_id, "member_count": len(_state(thread).member_ids)}
    world.emit("THREAD_MEMBERS_UPDATE", counted | change, thread)


def _kind(parent: Channel, payload: JsonObject, from_message: Message | None) -> ChannelType:
    if parent.type is ChannelType.ANNOUNCEMENT:
        return ChannelType.ANNOUNCEMENT_THREAD
    if parent.type is ChannelType.FORUM or from_message is not None:
        return ChannelType.PUBLIC_THREAD
    # Without a type Discord makes a private thread.
    return ChannelType(payload.get("type", ChannelType.PRIVATE_THREAD))


def _state(thread: Channel) -> ThreadState:
    if thread.thread is None:
        raise ApiError(50024)
    return thread.thread
