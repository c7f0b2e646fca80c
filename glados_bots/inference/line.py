"""The waiting line before the model: first come, first served, bounded, and everybody is told their place."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator

from glados_bots.errors import QueueFullError
from glados_bots.inference.engine import Queued

PACE_WINDOW = 16  # departures the pace is taken from
UNKNOWN_WAIT_S = 10.0


class Line:
    """Admits a number of requests at once; the others wait. Used from one event loop only."""

    def __init__(self, places: int, max_waiting: int) -> None:
        self._free = places
        self._max_waiting = max_waiting
        self._waiting: deque[asyncio.Event] = deque()
        self._departures: deque[float] = deque(maxlen=PACE_WINDOW)
        self.running = 0

    @property
    def waiting(self) -> int:
        """Requests not admitted yet."""
        return len(self._waiting)

    async def enter(self) -> AsyncGenerator[Queued]:
        """Yield our place each time it changes; ends when we are admitted. Who was admitted must call `leave`.

        Raises:
            QueueFullError: too many wait already.
        """
        if self._free > 0 and not self._waiting:
            self._admit()
            return
        if len(self._waiting) >= self._max_waiting:
            raise QueueFullError(len(self._waiting), self._wait(len(self._waiting)) or UNKNOWN_WAIT_S)
        moved = asyncio.Event()
        self._waiting.append(moved)
        try:
            while True:
                position = self._waiting.index(moved)
                if position == 0 and self._free > 0:
                    self._admit()
                    return
                yield Queued(position, self._wait(position))
                await moved.wait()
                moved.clear()
        finally:
            self._waiting.remove(moved)
            self._tell_all()

    def leave(self) -> None:
        """Give a place back."""
        self._free += 1
        self.running -= 1
        self._departures.append(time.monotonic())
        self._tell_all()

    def _admit(self) -> None:
        self._free -= 1
        self.running += 1

    def _tell_all(self) -> None:
        for event in self._waiting:
            event.set()

    def _wait(self, position: int) -> float | None:
        """Seconds until a place is free for this position, by the pace of the last departures."""
        if len(self._departures) < 2:  # noqa: PLR2004 - a pace needs two points
            return None
        pace = (time.monotonic() - self._departures[0]) / len(self._departures)
        return pace * (position + 1)
