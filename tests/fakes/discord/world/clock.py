"""Time on Discord: its ids tell when they were made."""

import datetime as dt

from tests.fakes.common.clock import MovableClock

DISCORD_EPOCH_MS = 1_420_070_400_000


class Clock(MovableClock):
    """Makes ids."""

    def __init__(self) -> None:
        super().__init__()
        self._last_snowflake = 0

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
