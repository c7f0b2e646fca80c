"""What takes what people do on Slack, wired once. It lives longer than any connection."""

from glados_slack.incoming.asking import SlackAsking
from glados_slack.incoming.commands import SlashCommands
from glados_slack.incoming.controls import Controls
from glados_slack.incoming.desk import SlackDesk
from glados_slack.incoming.home import Home
from glados_slack.incoming.shared import SlackShared


class SlackParts:
    """The parts of one process that handlers hand events to."""

    def __init__(self, shared: SlackShared) -> None:
        self.shared = shared
        self.desk = SlackDesk(shared)
        self.controls = Controls(shared)
        self.asking = SlackAsking(shared)
        self.commands = SlashCommands(shared, self.asking, self.controls)
        self.home = Home(shared)
