"""What the bot may: the numbers of its invitation, whether it can answer in a place, and whom it calls."""

import discord

NOBODY = discord.AllowedMentions.none()  # who is called by anything that the bot sends or changes
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


def missing_permission(channel: object, guild: discord.Guild | None) -> str:
    """The permission without which no answer can be written here, by Discord's name; empty when there is none.

    A channel that is not known counts as allowed: then Discord decides.
    """
    permissions_for = getattr(channel, "permissions_for", None)
    if guild is None or permissions_for is None or isinstance(channel, discord.PartialMessageable):
        return ""
    granted: discord.Permissions = permissions_for(guild.me)
    return missing_in(granted, is_thread=isinstance(channel, discord.Thread), me=guild.me)


def missing_in(granted: discord.Permissions, *, is_thread: bool, me: discord.Member | None = None) -> str:
    """As `missing_permission`, from permissions that are known."""
    if me is not None and me.is_timed_out():
        return "an end of my time-out"
    if not granted.view_channel:
        return "View Channel"
    if is_thread:
        return "" if granted.send_messages_in_threads else "Send Messages in Threads"
    return "" if granted.send_messages else "Send Messages"


def may_open_threads(channel: object, guild: discord.Guild | None) -> bool:
    """Whether the bot may open a thread here and write in it, as far as is known."""
    permissions_for = getattr(channel, "permissions_for", None)
    if guild is None or permissions_for is None:
        return True
    granted: discord.Permissions = permissions_for(guild.me)
    return granted.create_public_threads and granted.send_messages_in_threads
