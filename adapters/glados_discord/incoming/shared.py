"""What the parts that take what people do have in common."""

from dataclasses import dataclass, field

from glados_bots.adapter_core import AdapterCore
from glados_discord.access import Rules, rules_of
from glados_discord.answers.surface import DiscordSurface
from glados_discord.connection.current_client import CurrentClient
from glados_discord.facts import DiscordFacts
from glados_discord.incoming.channel_order import ChannelOrder
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
