"""Who may talk to the bot, and who may change or end what. These pure functions do not call Discord or Redis.

A deny list wins over every allow list; an empty allow list allows everybody. Unknown facts lead to a refusal: Discord
does not tell roles in direct messages, so a list of roles closes them to all except the users allowed by id.
"""

from dataclasses import dataclass, fields
from typing import Literal

import discord

from glados_bots.wording.sentence import NOTHING, Sentence, say
from glados_discord.settings import DiscordSettings, ids

DmPolicy = Literal["everyone", "allowed", "nobody"]


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's lists of Discord ids."""

    allowed_guilds: frozenset[int] = frozenset()
    denied_guilds: frozenset[int] = frozenset()
    allowed_channels: frozenset[int] = frozenset()
    denied_channels: frozenset[int] = frozenset()
    allowed_roles: frozenset[int] = frozenset()
    denied_roles: frozenset[int] = frozenset()
    allowed_users: frozenset[int] = frozenset()
    denied_users: frozenset[int] = frozenset()
    dms: DmPolicy = "everyone"  # who may write direct messages: `everyone`, only those in `allowed_users`, or `nobody`


@dataclass(frozen=True, slots=True)
class DiscordAsker:
    """A person at a place."""

    user: int
    guild: int | None = None  # the server; None in a direct message
    channels: frozenset[int] = frozenset()  # ids of the channel, of its thread's channel, and of the category
    roles: frozenset[int] = frozenset()  # the person's roles on the server, without @everyone


def rules_of(settings: DiscordSettings) -> Rules:
    lists = {field.name: ids(getattr(settings, field.name)) for field in fields(Rules) if field.name != "dms"}
    return Rules(**lists, dms=settings.dms)


def refusal(rules: Rules, asker: DiscordAsker) -> Sentence:
    """Why the bot does not talk to this person here; NOTHING if it does."""
    if is_denied(rules, asker):
        return say("not-for-you")
    if asker.guild is None:
        return _direct_refusal(rules, asker)
    if asker.guild in rules.denied_guilds or (rules.allowed_guilds and asker.guild not in rules.allowed_guilds):
        return say("not-on-server")
    if asker.channels & rules.denied_channels or (
        rules.allowed_channels and not asker.channels & rules.allowed_channels
    ):
        return say("not-in-channel")
    is_listed = asker.user in rules.allowed_users or asker.roles & rules.allowed_roles
    return say("not-for-you") if (rules.allowed_users or rules.allowed_roles) and not is_listed else NOTHING


def is_denied(rules: Rules, asker: DiscordAsker) -> bool:
    return asker.user in rules.denied_users or bool(asker.roles & rules.denied_roles)


def _direct_refusal(rules: Rules, asker: DiscordAsker) -> Sentence:
    if rules.dms == "nobody":
        return say("no-direct-messages")
    is_closed = rules.dms == "allowed" or rules.allowed_users or rules.allowed_roles or rules.denied_roles
    return say("not-for-you") if is_closed and asker.user not in rules.allowed_users else NOTHING


def may_manage(permissions: discord.Permissions, guild_id: int | None) -> bool:
    """Whether a person may set a channel's persona and model. In direct messages everybody may set their own."""
    if guild_id is None:
        return True
    return permissions.administrator or permissions.manage_guild or permissions.manage_channels


def may_moderate(permissions: discord.Permissions, guild_id: int | None) -> bool:
    """Whether a person may end or repeat other people's turns."""
    if guild_id is None:
        return False
    return may_manage(permissions, guild_id) or permissions.manage_messages or permissions.manage_threads


def may_control(author: str, user_id: int, permissions: discord.Permissions, guild_id: int | None) -> bool:
    return author == str(user_id) or may_moderate(permissions, guild_id)
