"""What the parts that take what people do have in common."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from glados_bots.adapter_core import AdapterCore
from glados_bots.errors import GladosError
from glados_slack.answers.surface import SlackSurface
from glados_slack.connection.calls import Calls
from glados_slack.connection.files import FileReader
from glados_slack.connection.people import People
from glados_slack.incoming.facts import SlackFacts
from glados_slack.incoming.notes import SlackNotes
from glados_slack.settings import SlackSettings

log = logging.getLogger(__name__)


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
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def later(self, work: Coroutine[Any, Any, object]) -> None:
        """Do it after Slack was answered: what fails is logged. `drain` waits for it."""
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait for what was begun."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _logged(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except GladosError as error:
        log.warning("%s", error)
    except Exception:
        log.exception("something that a person asked for could not be done")
