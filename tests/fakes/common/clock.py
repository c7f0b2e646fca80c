"""A fake's own time, which a test can move forward without waiting, and what is timed by it."""

import asyncio
import contextlib
import time
from typing import TypeVar

T = TypeVar("T")


class MovableClock:
    """Wall time plus whatever a test has added to it."""

    def __init__(self) -> None:
        self._start = time.time() - time.monotonic()
        self._added_s = 0.0
        self._moved = asyncio.Event()

    def now(self) -> float:
        """Seconds since 1970; never goes backwards."""
        return self._start + time.monotonic() + self._added_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass for the server, though not for its clients."""
        self._added_s += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed on this clock."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), timeout=left)


async def dispatched(result: T) -> T:
    """The result, once the server's tasks have sent what was just dispatched."""
    await asyncio.sleep(0)
    return result
