"""Rate limits."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """So many calls in so many seconds; the platform says when they begin to count."""

    count: int
    window_s: float = 60.0
