"""Time on Slack: a message is named by when it was written."""

from tests.fakes.common.clock import MovableClock


class Clock(MovableClock):
    """Makes timestamps and ids."""

    def __init__(self) -> None:
        super().__init__()
        self._last_us = 0
        self._ids = 0

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
