"""The parts that handle people's actions on Discord, wired once. They live longer than any client."""

from glados_bots.background import Background
from glados_discord.answers.surface import Clock
from glados_discord.incoming.catch_up import DiscordCatchUp
from glados_discord.incoming.desk import DiscordDesk
from glados_discord.incoming.shared import DiscordShared
from glados_discord.incoming.slash import Slash
from glados_discord.incoming.turn_commands import TurnCommands
from glados_discord.incoming.whereabouts import Whereabouts


class DiscordParts:
    """The parts of one process that get the client's events."""

    def __init__(self, shared: DiscordShared, clock: Clock) -> None:
        self.facts = shared.facts
        self.current = shared.current
        self.rates = shared.core.surface.rates
        self.settings = shared.settings
        self.order = shared.order
        self.desk = DiscordDesk(shared)
        self.whereabouts = Whereabouts(shared)
        self.turn_commands = TurnCommands(shared)
        self.slash = Slash(shared, self.turn_commands)
        self.catch_up = DiscordCatchUp(shared, self.desk, clock=clock)
        self.hearing = Background()  # tasks of discord.py for events, commands and buttons, which it does not track
