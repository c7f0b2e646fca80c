"""What takes what people do on Discord, wired once. It lives longer than any client."""

from glados_bots.adapter_core import AdapterCore
from glados_bots.background import Background
from glados_discord.answers.surface import Clock, DiscordSurface
from glados_discord.connection.current_client import CurrentClient
from glados_discord.facts import DiscordFacts
from glados_discord.incoming.catch_up import CatchUp
from glados_discord.incoming.desk import DiscordDesk
from glados_discord.incoming.shared import DiscordShared
from glados_discord.incoming.slash import Slash
from glados_discord.incoming.turn_commands import TurnCommands
from glados_discord.incoming.whereabouts import Whereabouts
from glados_discord.settings import DiscordSettings


class DiscordParts:
    """The parts of one process that a client hands its events to.

    Attributes:
        hearing: what discord.py began for events, commands and buttons, and forgets.
    """

    def __init__(
        self,
        core: AdapterCore[DiscordSurface],
        memory: DiscordFacts,
        current: CurrentClient,
        settings: DiscordSettings,
        clock: Clock,
    ) -> None:
        shared = DiscordShared(core, memory, current, settings)
        self.memory = memory
        self.current = current
        self.rates = core.surface.rates
        self.settings = settings
        self.order = shared.order
        self.desk = DiscordDesk(shared)
        self.whereabouts = Whereabouts(shared)
        self.turn_commands = TurnCommands(shared)
        self.slash = Slash(shared, self.turn_commands)
        self.catch_up = CatchUp(shared, self.desk, clock=clock)
        self.hearing = Background()
