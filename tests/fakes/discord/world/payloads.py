"""State as the JSON objects that Discord's API documents."""

from pathlib import PurePosixPath

from .clock import iso, snowflake_seconds
from .models import Attachment, Channel, ChannelType, Guild, JsonObject, Member, Message, MessageType, Role, User
from .state import World


def user_json(user: User) -> JsonObject:
    """A user object."""
    return {
        "id": str(user.id),
        "username": user.name,
        "discriminator": "0",
        "global_name": user.name,
        "avatar": None,
        "bot": user.bot,
    }


def member_json(member: Member, *, with_user: bool = True) -> JsonObject:
    """A guild member object; in message events it comes without its user."""
    until = member.timed_out_until
    payload: JsonObject = {
        "roles": [str(role_id) for role_id in member.role_ids],
        "nick": member.nick,
        "avatar": None,
        "joined_at": iso(member.joined_at),
        "premium_since": None,
        "communication_disabled_until": iso(until) if until else None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
    }
    return payload | {"user": user_json(member.user)} if with_user else payload


def role_json(role: Role) -> JsonObject:
    """A role object; a bot's own role is tagged with the bot's id."""
    payload: JsonObject = {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(int(role.permissions)),
        "mentionable": role.mentionable,
        "managed": role.managed_by is not None,
        "position": 0 if role.name == "@everyone" else 1,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "flags": 0,
    }
    return payload | {"tags": {"bot_id": str(role.managed_by)}} if role.managed_by else payload


def channel_json(channel: Channel, world: World) -> JsonObject:
    """A channel, thread or direct conversation."""
    if channel.thread is not None:
        return thread_json(channel)
    last = max(channel.messages, default=None)
    payload: JsonObject = {
        "id": str(channel.id),
        "type": int(channel.type),
        "last_message_id": None if last is None else str(last),
        "flags": 0,
    }
    if channel.guild is None:
        others = [world.users[user_id] for user_id in channel.recipient_ids if user_id != world.bot.id]
        return payload | {"recipients": [user_json(user) for user in others]}
    payload |= {
        "guild_id": str(channel.guild.id),
        "name": channel.name,
        "position": list(channel.guild.channels).index(channel.id),
        "parent_id": None,
        "nsfw": False,
        "topic": None,
        "rate_limit_per_user": channel.slowmode_s,
        "permission_overwrites": [
            {
                "id": str(target),
                "type": int(overwrite.is_member),
                "allow": str(int(overwrite.allow)),
                "deny": str(int(overwrite.deny)),
            }
            for target, overwrite in channel.overwrites.items()
        ],
    }
    if channel.type is ChannelType.VOICE:
        payload |= {"bitrate": 64000, "user_limit": 0}
    if channel.type is ChannelType.FORUM:
        payload |= {"available_tags": [], "default_reaction_emoji": None, "default_sort_order": None}
    return payload


def thread_json(channel: Channel) -> JsonObject:
    """A thread object."""
    thread, guild, parent = channel.thread, channel.guild, channel.parent
    if thread is None or guild is None or parent is None:
        raise TypeError(f"Channel {channel.id} is no thread")
    last = max(channel.messages, default=None)
    return {
        "id": str(channel.id),
        "type": int(channel.type),
        "guild_id": str(guild.id),
        "parent_id": str(parent.id),
        "owner_id": str(thread.owner_id),
        "name": channel.name,
        "last_message_id": None if last is None else str(last),
        "message_count": len(channel.messages),
        "total_message_sent": len(channel.messages),
        "member_count": len(thread.member_ids),
        "rate_limit_per_user": channel.slowmode_s,
        "flags": 0,
        "applied_tags": [],
        "thread_metadata": {
            "archived": thread.archived,
            "locked": thread.locked,
            "auto_archive_duration": thread.auto_archive_minutes,
            "archive_timestamp": iso(thread.changed_at),
            "create_timestamp": iso(snowflake_seconds(channel.id)),
        },
    }


def joined_thread_json(channel: Channel, world: World) -> JsonObject:
    """A thread object as the bot gets it in some places: with its own membership, if it has joined."""
    payload = thread_json(channel)
    if channel.thread is not None and world.bot.id in channel.thread.member_ids:
        now = iso(world.clock.now())
        payload["member"] = {"id": str(channel.id), "user_id": str(world.bot.id), "join_timestamp": now, "flags": 0}
    return payload


def guild_json(guild: Guild, world: World, *, all_members: bool) -> JsonObject:
    """A guild as GUILD_CREATE sends it; without the members intent the bot is its only member."""
    bot = guild.members.get(world.bot.id)
    members = list(guild.members.values()) if all_members else [bot] if bot is not None else []
    active = [
        joined_thread_json(thread, world)
        for thread in guild.threads.values()
        if thread.thread is not None and not thread.thread.archived and world.permissions(thread, world.bot)
    ]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner_id),
        "unavailable": guild.unavailable,
        "member_count": len(guild.members),
        "large": False,
        "roles": [role_json(role) for role in guild.roles.values()],
        "channels": [channel_json(channel, world) for channel in guild.channels.values()],
        "threads": active,
        "members": [member_json(member) for member in members],
        "emojis": [],
        "stickers": [],
        "features": guild.features,
        "preferred_locale": guild.preferred_locale,
        "premium_tier": 0,
        "nsfw_level": 0,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "afk_timeout": 300,
        "system_channel_flags": 0,
    }


def emoji_json(key: str) -> JsonObject:
    """An emoji: a character, or `name:id` for a guild's own."""
    name, _, emoji_id = key.partition(":")
    return {"id": emoji_id or None, "name": name}


def attachment_json(attachment: Attachment) -> JsonObject:
    """An attachment object. Discord leaves only ASCII of a file's name, and tells the rest as its title."""
    plain = attachment.filename.encode("ascii", "ignore").decode()
    return {
        "id": str(attachment.id),
        "filename": plain,
        **({} if plain == attachment.filename else {"title": PurePosixPath(attachment.filename).stem}),
        "content_type": attachment.content_type,
        "size": len(attachment.content) if attachment.announced is None else attachment.announced,
        "url": attachment.url,
        "proxy_url": attachment.url,
    }


def message_json(message: Message, world: World) -> JsonObject:
    """A message object as REST returns it."""
    payload: JsonObject = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "author": user_json(message.author),
        "content": message.content,
        "timestamp": iso(message.created_at),
        "edited_timestamp": None if message.edited_at is None else iso(message.edited_at),
        "tts": False,
        "mention_everyone": message.mentions_everyone,
        "mentions": [_mention_json(user, message) for user in message.mentioned_users],
        "mention_roles": [str(role.id) for role in message.mentioned_roles],
        "attachments": [attachment_json(attachment) for attachment in message.attachments],
        "embeds": message.embeds,
        "components": message.components,
        "pinned": message.pinned,
        "type": int(message.type),
        "flags": int(message.flags),
    }
    optional: JsonObject = {
        "nonce": message.nonce,
        "webhook_id": None if message.webhook_id is None else str(message.webhook_id),
        "thread": None if message.thread is None else thread_json(message.thread),
        "interaction_metadata": message.interaction,
        "message_reference": message.reference,
        "message_snapshots": message.snapshots,
        "poll": message.poll,
        "sticker_items": message.stickers,
        "reactions": [
            {
                "emoji": emoji_json(key),
                "count": len(users),
                "me": world.bot.id in users,
                "count_details": {"burst": 0, "normal": len(users)},
                "me_burst": False,
                "burst_colors": [],
            }
            for key, users in message.reactions.items()
        ],
    }
    payload |= {key: value for key, value in optional.items() if value}
    if message.reference is not None and message.type in {MessageType.REPLY, MessageType.THREAD_STARTER}:
        payload["referenced_message"] = _referenced_json(message.reference, world)
    return payload


def snapshot_json(message: Message) -> JsonObject:
    """What a forward shows of a message: neither its author nor where it stands."""
    return {
        "message": {
            "type": int(message.type),
            "content": message.content,
            "embeds": message.embeds,
            "attachments": [attachment_json(attachment) for attachment in message.attachments],
            "timestamp": iso(message.created_at),
            "edited_timestamp": None if message.edited_at is None else iso(message.edited_at),
            "flags": int(message.flags),
            "mentions": [user_json(user) for user in message.mentioned_users],
            "mention_roles": [str(role.id) for role in message.mentioned_roles],
            "sticker_items": message.stickers,
            "components": [],
        }
    }


def without_content(payload: JsonObject) -> JsonObject:
    """A message as it is shown to an application without the content intent."""
    shown = payload | {"content": "", "embeds": [], "attachments": [], "components": []}
    return {key: value for key, value in shown.items() if key not in {"poll", "message_snapshots"}}


def message_event_json(message: Message, world: World) -> JsonObject:
    """A message object as the gateway sends it: with the guild and the author's membership."""
    payload = message_json(message, world) | {"channel_type": int(message.channel.type)}
    guild = message.channel.guild
    if guild is None:
        return payload
    payload["guild_id"] = str(guild.id)
    if message.author.id in guild.members and message.webhook_id is None:
        payload["member"] = member_json(guild.members[message.author.id], with_user=False)
    return payload


def _mention_json(user: User, message: Message) -> JsonObject:
    guild = message.channel.guild
    if guild is None or user.id not in guild.members:
        return user_json(user)
    return user_json(user) | {"member": member_json(guild.members[user.id], with_user=False)}


def _referenced_json(reference: JsonObject, world: World) -> JsonObject | None:
    channel = world.channels.get(int(reference["channel_id"]))
    target = None if channel is None else channel.messages.get(int(reference["message_id"]))
    if target is None:
        return None
    # One level only, as Discord does.
    return {key: value for key, value in message_json(target, world).items() if key != "referenced_message"}
