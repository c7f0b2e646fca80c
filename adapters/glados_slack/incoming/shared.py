"""What the parts that take what people do have in common."""

from dataclasses import dataclass, field

from glados_bots.adapter_core import AdapterCore
from glados_bots.background import Background
from glados_slack.answers.surface import SlackSurface
from glados_slack.connection.calls import Calls
from glados_slack.connection.files import FileReader
from glados_slack.connection.people import People
from glados_slack.incoming.facts import SlackFacts
from glados_slack.incoming.notes import SlackNotes
from glados_slack.settings import SlackSettings


@dataclass(slots=True)
class Shared:
    """Wired once a process.

    Attributes:
        core: the platform-neutral rest.
        calls: the Web API.
        people: names of ids.
        notes: sentences that are no answers.
        files: reads what is shared.
        memory: what is known of channels and questions.
        settings: the adapter's.
    """

    core: AdapterCore[SlackSurface]
    calls: Calls
    people: People
    notes: SlackNotes
    files: FileReader
    memory: SlackFacts
    settings: SlackSettings
    background: Background = field(default_factory=Background)  # what is done after Slack was answered
