"""Who may do what where: Discord's documented way of computing it."""

from .models import Channel, Guild, User
from .permissions import ALL, DIRECT_MESSAGE, NEEDS_SENDING, NONE, TIMED_OUT, Permission


def guild_permissions(guild: Guild, user: User, now: float) -> Permission:
    """What the roles of `user` allow in the guild as a whole; nothing for somebody who is not a member."""
    member = guild.members.get(user.id)
    if member is None:
        return NONE
    if guild.owner_id == user.id:
        return ALL
    granted = guild.roles[guild.id].permissions
    for role_id in member.role_ids:
        granted |= guild.roles[role_id].permissions
    if granted & Permission.ADMINISTRATOR:
        return ALL
    return granted & TIMED_OUT if member.is_timed_out(now) else granted


def channel_permissions(channel: Channel, user: User, now: float) -> Permission:
    """What `user` may do in `channel`: roles, then overwrites of @everyone, roles and member, then implications."""
    if channel.guild is None:
        return DIRECT_MESSAGE if user.id in channel.recipient_ids else NONE
    granted = guild_permissions(channel.guild, user, now)
    if granted == ALL or user.id not in channel.guild.members:
        return granted
    holder = channel.parent if channel.thread is not None and channel.parent is not None else channel
    granted = _overwritten(holder, channel.guild, user, granted)
    if channel.guild.members[user.id].is_timed_out(now):
        granted &= TIMED_OUT
    if not granted & Permission.VIEW_CHANNEL or _is_shut_out_of_thread(channel, user, granted):
        return NONE
    return granted if granted & send_permission(channel) else granted & ~NEEDS_SENDING


def _overwritten(holder: Channel, guild: Guild, user: User, granted: Permission) -> Permission:
    everyone = holder.overwrites.get(guild.id)
    if everyone is not None:
        granted = (granted & ~everyone.deny) | everyone.allow
    allow = deny = NONE
    for role_id in guild.members[user.id].role_ids:
        if role_id in holder.overwrites:
            allow |= holder.overwrites[role_id].allow
            deny |= holder.overwrites[role_id].deny
    granted = (granted & ~deny) | allow
    own = holder.overwrites.get(user.id)
    return granted if own is None else (granted & ~own.deny) | own.allow


def _is_shut_out_of_thread(channel: Channel, user: User, granted: Permission) -> bool:
    if channel.thread is None or not channel.is_private_thread:
        return False
    return user.id not in channel.thread.member_ids and not granted & Permission.MANAGE_THREADS


def send_permission(channel: Channel) -> Permission:
    """The bit that a message in this channel needs: threads have one of their own."""
    return Permission.SEND_MESSAGES if channel.thread is None else Permission.SEND_MESSAGES_IN_THREADS
