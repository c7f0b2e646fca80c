"""The fake's own time, which a test can move forward without waiting, and what is timed by it."""

from __future__ import annotations

import asyncio
import contextlib
import time


class Clock:
    """Wall time plus whatever a test has added to it."""

    def __init__(self) -> None:
        self._start = time.time() - time.monotonic()
        self._added_s = 0.0
        self._last_us = 0
        self._ids = 0
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

    def timestamp(self) -> str:
        """A new message timestamp: seconds and microseconds, strictly increasing; to be kept as text."""
        self._last_us = max(int(self.now() * 1_000_000), self._last_us + 1)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def id(self, kind: str) -> str:
        """A new id such as `U00000001A`: its kind, then nine letters and digits."""
        self._ids += 1
        digits, number = "", self._ids * 7919
        while number:
            number, digit = divmod(number, 36)
            digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
        return f"{kind}0{digits:0>9}"
