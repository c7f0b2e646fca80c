"""What takes what people do on Slack, wired once. It lives longer than any connection."""

from glados_bots.adapter_core import AdapterCore
from glados_slack.answers.surface import SlackSurface
from glados_slack.connection.files import FileReader
from glados_slack.connection.people import People
from glados_slack.incoming.asking import Asking
from glados_slack.incoming.commands import SlashCommands
from glados_slack.incoming.controls import Controls
from glados_slack.incoming.desk import SlackDesk
from glados_slack.incoming.facts import SlackFacts
from glados_slack.incoming.home import Home
from glados_slack.incoming.notes import SlackNotes
from glados_slack.incoming.shared import Shared
from glados_slack.settings import SlackSettings


class SlackParts:
    """The parts of one process that handlers hand events to.

    Attributes:
        shared: what the parts have in common.
    """

    def __init__(self, core: AdapterCore[SlackSurface], settings: SlackSettings) -> None:
        calls = core.surface.calls
        files = FileReader(calls, str(settings.api_base), settings.file_max_bytes)
        notes = SlackNotes(core.marks, calls)
        shared = self.shared = Shared(core, calls, People(calls), notes, files, SlackFacts(core.store), settings)
        self.desk = SlackDesk(shared)
        self.controls = Controls(shared)
        self.asking = Asking(shared)
        self.commands = SlashCommands(shared, self.asking, self.controls)
        self.home = Home(shared)
