"""What the bot may do: the permissions of its invitation, where it can answer, and whom it mentions."""

import discord

from glados_bots.wording.sentence import NOTHING, Sentence, say

NOBODY = discord.AllowedMentions.none()  # whom messages and edits of the bot notify
NEEDED = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    read_message_history=True,
    add_reactions=True,
    attach_files=True,
)


def invite_url(application: int) -> str:
    return discord.utils.oauth_url(application, permissions=NEEDED, scopes=("bot", "applications.commands"))


def missing_permission(channel: object, guild: discord.Guild | None) -> Sentence:
    """What the bot lacks to answer here, such as a permission; NOTHING if it lacks nothing.

    An unknown channel counts as allowed: then Discord decides.
    """
    permissions_for = getattr(channel, "permissions_for", None)
    if guild is None or permissions_for is None or isinstance(channel, discord.PartialMessageable):
        return NOTHING
    granted: discord.Permissions = permissions_for(guild.me)
    return missing_in(granted, is_thread=isinstance(channel, discord.Thread), me=guild.me)


def missing_in(granted: discord.Permissions, *, is_thread: bool, me: discord.Member | None = None) -> Sentence:
    """As `missing_permission`, for known permissions."""
    if me is not None and me.is_timed_out():
        return say("needs-end-of-timeout")
    if not granted.view_channel:
        return _needs("permission-view")
    if is_thread:
        return NOTHING if granted.send_messages_in_threads else _needs("permission-send-threads")
    return NOTHING if granted.send_messages else _needs("permission-send")


def _needs(permission: str) -> Sentence:
    return say("needs-permission", permission=say(permission))


def may_open_threads(channel: object, guild: discord.Guild | None) -> bool:
    """Whether the bot may open a thread here and write in it, as far as it knows."""
    permissions_for = getattr(channel, "permissions_for", None)
    if guild is None or permissions_for is None:
        return True
    granted: discord.Permissions = permissions_for(guild.me)
    return granted.create_public_threads and granted.send_messages_in_threads
