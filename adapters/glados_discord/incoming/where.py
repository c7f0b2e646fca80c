"""Places on Discord as plain data, made once from discord.py's channels. All decisions use this data."""

from dataclasses import dataclass

import discord

from glados_discord.connection.permissions import may_open_threads
from glados_discord.words.hearing import is_direct

_THREADED = (discord.ChannelType.text, discord.ChannelType.news)


@dataclass(frozen=True, slots=True)
class Where:
    """A channel, thread or direct conversation in which somebody asks."""

    channel: int
    guild: int | None = None  # the server; None for a direct conversation
    listed: frozenset[int] = frozenset()  # ids by which the operator's lists may name the place
    settings: str = ""  # the channel whose settings and limits apply: a thread shares those of its channel
    is_direct: bool = False
    is_thread: bool = False
    has_threads: bool = False  # its messages can have threads
    may_open_threads: bool = True  # the bot may open a thread and write in it, as far as it knows
    is_slow: bool = False  # slow mode or announcements allow few edits


def where_of(channel: object, channel_id: int, guild: discord.Guild | None, guild_id: int | None) -> Where:
    """The place, as far as discord.py knows its channel and server."""
    kind = getattr(channel, "type", None)
    return Where(
        channel=channel_id,
        guild=guild_id,
        listed=channel_ids(channel),
        settings=settings_channel(channel),
        is_direct=is_direct(channel),
        is_thread=isinstance(channel, discord.Thread),
        has_threads=kind in _THREADED,
        may_open_threads=may_open_threads(channel, guild),
        is_slow=bool(getattr(channel, "slowmode_delay", 0)) or kind is discord.ChannelType.news,
    )


def settings_channel(channel: object) -> str:
    """The channel whose settings and limits apply: a thread shares those of its channel."""
    parent = getattr(channel, "parent_id", None)
    return str(parent or getattr(channel, "id", ""))


def channel_ids(channel: object) -> frozenset[int]:
    """Ids by which a list of channels may name a place: the channel, a thread's channel, their category."""
    found = [getattr(channel, name, None) for name in ("id", "parent_id", "category_id")]
    found.append(getattr(getattr(channel, "parent", None), "category_id", None))
    return frozenset(number for number in found if isinstance(number, int))
