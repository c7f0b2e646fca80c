"""Tasks that nobody awaits."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from glados_bots.errors import GladosError

log = logging.getLogger(__name__)


class Background:
    """Keeps tasks from the garbage collector until they end, and ends them together. What fails is logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, object], name: str | None = None) -> asyncio.Task[Any]:
        task = asyncio.create_task(_logged(work), name=name)
        self.keep(task)
        return task

    def keep(self, task: asyncio.Task[Any] | None) -> None:
        """Take in a task that somebody else began, if any."""
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait until what was begun has ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cancel(self) -> None:
        """End all, and return when they have ended."""
        for task in self._tasks:
            task.cancel()
        await self.finish()


async def _logged(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except GladosError as error:
        log.warning("%s", error)
    except Exception:
        log.exception("something that nobody waits for failed")
