"""How long to wait before trying again."""

import random
from collections.abc import Iterator


def growing_pauses(first_s: float, longest_s: float) -> Iterator[float]:
    """Seconds to wait before each retry. The pause doubles each time; a random part of up to half is taken off.

    The randomness spreads the retries of callers that failed at one moment. After a success, begin with new pauses.
    """
    pause = first_s
    while True:
        yield pause * random.uniform(0.5, 1)  # noqa: S311 - jitter
        pause = min(2 * pause, longest_s)
