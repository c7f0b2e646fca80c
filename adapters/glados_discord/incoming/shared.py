"""What the parts that take what people do have in common."""

from dataclasses import dataclass, field

from glados_bots.adapter_core import AdapterCore
from glados_bots.conversation import Turn
from glados_bots.intake.intake import Verdict
from glados_discord.access import Asker, Rules, refusal, rules_of
from glados_discord.answers.surface import DiscordSurface
from glados_discord.connection.current_client import CurrentClient
from glados_discord.facts import DiscordFacts
from glados_discord.incoming.channel_order import ChannelOrder
from glados_discord.incoming.where import Where
from glados_discord.settings import DiscordSettings


@dataclass(slots=True)
class DiscordShared:
    """Wired once per process; lives longer than any client."""

    core: AdapterCore[DiscordSurface]
    memory: DiscordFacts
    current: CurrentClient
    settings: DiscordSettings
    order: ChannelOrder = field(default_factory=ChannelOrder)
    rules: Rules = field(init=False)

    def __post_init__(self) -> None:
        self.rules = rules_of(self.settings)


@dataclass(frozen=True, slots=True)
class AskedOnDiscord:
    """A question as the core's desk wants it: what those of messages and of commands have in common."""

    shared: DiscordShared
    where: Where
    asker: Asker

    @property
    def refusal(self) -> str:
        """Why the operator's lists are against an answer."""
        return refusal(self.shared.rules, self.asker)

    async def remember(self, turn: Turn, verdict: Verdict) -> None:
        """Note where a conversation takes place, if its turn was taken in."""
        where, memory = self.where, self.shared.memory
        if verdict.status != "accepted":
            return
        if where.guild is not None:
            await memory.belongs_to_guild(turn.conversation, where.guild)
        elif where.is_direct:
            await memory.used_dm(int(turn.conversation))
        if where.is_thread:
            await self.shared.core.marks.join(str(where.channel), turn.id)
