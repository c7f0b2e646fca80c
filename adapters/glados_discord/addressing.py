"""Whether a message is meant for the bot, and what it says then: no call to Discord or Redis.

Discord tells a bot of every message it can see. A question is one that mentions it (as a user, by nickname, by the role
Discord made for it, or by the ping of a reply), replies to it, is a direct message, or stands in a thread that the bot
takes part in.
"""

import re
from datetime import datetime
from typing import Literal

import discord

Reason = Literal["mention", "reply", "direct", "thread"]
Follow = Literal["joined", "own", "none"]

_FROM_PEOPLE = {discord.MessageType.default, discord.MessageType.reply}
_TOKEN = re.compile(r"<(?:@!?(?P<user>\d+)|@&(?P<role>\d+)|#(?P<channel>\d+)|a?:(?P<emoji>\w+):\d+)>")


def is_from_person(message: discord.Message) -> bool:
    """Neither a bot, this one included, nor a webhook, nor Discord itself."""
    return not message.author.bot and message.webhook_id is None and message.type in _FROM_PEOPLE


def addressed(message: discord.Message, me: int, *, takes_part: bool) -> Reason | None:
    """Why a message is meant for the bot, or None when it is not. `@everyone` means nobody in particular.

    Args:
        message: what was written.
        me: the bot's id.
        takes_part: whether it stands in a thread where no mention is needed.
    """
    if not is_from_person(message):
        return None
    if is_direct(message.channel):
        return "direct"
    if message.guild is None:  # a server we were not told of yet: what is missed is found later
        return None
    if is_mentioned(message, me):
        return "mention"
    if _answered_author(message) == me:
        return "reply"
    return "thread" if takes_part and not _is_for_others(message, me) else None


def is_direct(channel: object) -> bool:
    """Whether this is a conversation of one person with the bot."""
    return getattr(channel, "type", None) is discord.ChannelType.private


def is_mentioned(message: discord.Message, me: int) -> bool:
    """Mentioned as a user (a reply's ping counts), by nickname, or by the role that Discord made for the bot."""
    own_role = message.guild.self_role if message.guild else None
    return (
        any(user.id == me for user in message.mentions)
        or me in message.raw_mentions
        or (own_role is not None and own_role.id in message.raw_role_mentions)
    )


def takes_part(channel: object, me: int, follow: Follow, *, at: datetime) -> bool | None:
    """Whether this is a thread where no mention was needed `at` this time; None when discord.py cannot say.

    A mention makes Discord add the bot to a thread, and discord.py may know so before it hands over the messages that
    stand above the mention. Nobody said those to the bot.
    """
    if not isinstance(channel, discord.Thread) or follow == "none":
        return False
    if channel.owner_id == me or follow == "own":
        return channel.owner_id == me
    return True if channel.me and channel.me.joined_at <= at else None


def _is_for_others(message: discord.Message, me: int) -> bool:
    """In a thread, a message that mentions or answers somebody else is between people."""
    others = set(message.raw_mentions) - {me}
    answered = _answered_author(message)
    return bool(others or message.raw_role_mentions or message.mention_everyone) or answered not in {None, me}


def _answered_author(message: discord.Message) -> int | None:
    """Who wrote the message this one replies to; None for no reply, or for one to a message that is gone."""
    target = message.reference.resolved if message.reference else None
    return target.author.id if isinstance(target, discord.Message) else None


def readable(message: discord.Message, me: int) -> str:
    """The text as a model should read it: without the bot's own mention, with names for the ids of others."""
    names = {user.id: user.display_name for user in message.mentions}
    guild = message.guild
    own_role = guild.self_role.id if guild and guild.self_role else 0

    def name(match: re.Match[str]) -> str:
        kind = match.lastgroup or ""
        if kind == "emoji":
            return f":{match[kind]}:"
        found = int(match[kind])
        if kind == "user":
            return f"@{names.get(found, 'somebody')}"
        if kind == "role":
            role = guild.get_role(found) if guild else None
            return f"@{role.name if role else 'some role'}"
        channel = guild.get_channel_or_thread(found) if guild else None
        return f"#{channel.name if channel else 'some-channel'}"

    own = rf" ?<(?:@!?{me}|@&{own_role})>[,:]? ?"
    return _TOKEN.sub(name, re.sub(own, " ", message.content)).strip()
