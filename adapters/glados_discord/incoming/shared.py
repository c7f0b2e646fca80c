"""What the parts that take what people do have in common."""

from dataclasses import dataclass, field

import discord

from glados_bots.adapter_core import AdapterCore
from glados_discord.access import Rules, rules_of
from glados_discord.answers.surface import DiscordSurface
from glados_discord.connection.current_client import CurrentClient
from glados_discord.facts import DiscordFacts
from glados_discord.incoming.channel_order import ChannelOrder
from glados_discord.incoming.where import settings_channel
from glados_discord.settings import DiscordSettings


@dataclass(slots=True)
class DiscordShared:
    """Wired once per process; lives longer than any client."""

    core: AdapterCore[DiscordSurface]
    facts: DiscordFacts
    current: CurrentClient
    settings: DiscordSettings
    order: ChannelOrder = field(default_factory=ChannelOrder)
    rules: Rules = field(init=False)

    def __post_init__(self) -> None:
        self.rules = rules_of(self.settings)

    async def language(self, channel: object, guild: discord.Guild | None) -> str:
        """The language of what everybody in a channel reads. Discord tells none for direct messages."""
        return await self.core.language(settings_channel(channel), str(guild.preferred_locale) if guild else "")

    async def language_of(self, interaction: discord.Interaction) -> str:
        """The language of what only the person of an interaction reads."""
        return await self.core.language(settings_channel(interaction.channel), str(interaction.locale))
