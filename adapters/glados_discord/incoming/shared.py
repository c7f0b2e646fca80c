"""What all parts that handle people's actions share."""

from contextlib import suppress
from dataclasses import dataclass, field

import discord

from glados_bots.adapter_core import AdapterCore
from glados_bots.errors import StoreUnavailableError
from glados_discord.access import Rules, rules_of
from glados_discord.answers.surface import DiscordSurface
from glados_discord.connection.current_client import CurrentClient
from glados_discord.facts import DiscordFacts
from glados_discord.incoming.channel_order import ChannelOrder
from glados_discord.incoming.where import settings_channel
from glados_discord.settings import DiscordSettings


@dataclass(slots=True)
class DiscordShared:
    """The shared parts. They are wired once per process, and live longer than any client."""

    core: AdapterCore[DiscordSurface]
    facts: DiscordFacts
    current: CurrentClient
    settings: DiscordSettings
    order: ChannelOrder = field(default_factory=ChannelOrder)
    rules: Rules = field(init=False)

    def __post_init__(self) -> None:
        self.rules = rules_of(self.settings)

    async def language(self, channel: object, guild: discord.Guild | None) -> str:
        """The language of public texts in a channel. In direct messages, the last known language of the person."""
        if guild is not None:
            return await self.core.language(settings_channel(channel), chosen_by(guild, guild.preferred_locale))
        tag = ""
        with suppress(StoreUnavailableError):
            tag = await self.facts.locale(getattr(channel, "id", 0))
        return await self.core.language(settings_channel(channel), tag)

    async def language_around(self, interaction: discord.Interaction) -> str:
        """The language of public texts at the place of an interaction, also on an unknown server."""
        if interaction.guild is None or interaction.guild_locale is None:
            return await self.language_of(interaction)
        tag = chosen_by(interaction.guild, interaction.guild_locale)
        return await self.core.language(settings_channel(interaction.channel), tag)

    async def language_of(self, interaction: discord.Interaction) -> str:
        """The language of texts that only the person of an interaction reads."""
        return await self.core.language(settings_channel(interaction.channel), str(interaction.locale))

    async def note_reader(self, interaction: discord.Interaction) -> None:
        """Remember the language of the person of a direct conversation, because messages do not tell it."""
        if interaction.guild_id is None and interaction.channel_id is not None:
            with suppress(StoreUnavailableError):
                await self.facts.note_locale(interaction.channel_id, str(interaction.locale))


def chosen_by(guild: discord.Guild, locale: discord.Locale) -> str:
    """The language tag of a server; empty if nobody chose one.

    Only Community servers can choose: Discord reports American English for all others.
    """
    is_default = locale is discord.Locale.american_english and "COMMUNITY" not in guild.features
    return "" if is_default else str(locale)
