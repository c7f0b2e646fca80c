"""The fake's own time, which a test can move forward without waiting."""

import datetime as dt
import time

DISCORD_EPOCH_MS = 1_420_070_400_000


class Clock:
    """Wall time plus whatever a test has added to it."""

    def __init__(self) -> None:
        self._start = time.time() - time.monotonic()
        self._added_s = 0.0
        self._last_snowflake = 0

    def now(self) -> float:
        """Seconds since 1970; never goes backwards."""
        return self._start + time.monotonic() + self._added_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass for the server, though not for its clients."""
        self._added_s += seconds

    def snowflake(self) -> int:
        """A new id: 64 bits, milliseconds since 2015 in the upper 42, strictly increasing."""
        earliest = (int(self.now() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last_snowflake = max(earliest, self._last_snowflake + 1)
        return self._last_snowflake


def snowflake_seconds(snowflake: int) -> float:
    """The moment, in seconds since 1970, at which an id was made."""
    return ((snowflake >> 22) + DISCORD_EPOCH_MS) / 1000


def iso(seconds: float) -> str:
    """Seconds since 1970 as the timestamp text that Discord sends."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
