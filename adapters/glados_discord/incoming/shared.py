"""What the parts that take what people do have in common."""

from dataclasses import dataclass, field

from glados_bots.adapter_core import AdapterCore
from glados_bots.conversation import Turn
from glados_bots.intake.intake import Verdict
from glados_discord.access import Rules, rules_of
from glados_discord.answers.surface import DiscordSurface
from glados_discord.connection.current_client import CurrentClient
from glados_discord.facts import DiscordFacts
from glados_discord.incoming.channel_order import ChannelOrder
from glados_discord.incoming.where import Where
from glados_discord.settings import DiscordSettings


@dataclass(slots=True)
class Shared:
    """Wired once per process; lives longer than any client.

    Attributes:
        core: the platform-neutral rest.
        memory: what is known of channels and questions.
        current: the client in use.
        settings: the adapter's.
        order: in which events are handled.
        rules: the operator's lists.
    """

    core: AdapterCore[DiscordSurface]
    memory: DiscordFacts
    current: CurrentClient
    settings: DiscordSettings
    order: ChannelOrder = field(default_factory=ChannelOrder)
    rules: Rules = field(init=False)

    def __post_init__(self) -> None:
        self.rules = rules_of(self.settings)


async def remember(shared: Shared, turn: Turn, verdict: Verdict, where: Where) -> None:
    """Note where a conversation takes place, if its turn was taken in."""
    if verdict.status != "accepted":
        return
    if where.guild is not None:
        await shared.memory.belongs_to_guild(turn.conversation, where.guild)
    elif where.is_direct:
        await shared.memory.used_dm(int(turn.conversation))
    if where.is_thread:
        await shared.core.marks.join(str(where.channel), turn.id)
