"""Tasks that nobody awaits."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from glados_bots.errors import GladosError

log = logging.getLogger(__name__)


class Background:
    """Protects tasks from the garbage collector until they end, and ends them together. Logs tasks that fail."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, object], name: str | None = None) -> asyncio.Task[Any]:
        task = asyncio.create_task(_logged(work), name=name)
        self.keep(task)
        return task

    def keep(self, task: asyncio.Task[Any] | None) -> None:
        """Also hold a task that other code started, if there is one."""
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait until all tasks have ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cancel(self) -> None:
        """Cancel all tasks, and return when they have ended."""
        for task in self._tasks:
            task.cancel()
        await self.finish()


async def _logged(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except GladosError as error:
        log.warning("%s", error)
    except Exception:
        log.exception("a background task failed")
