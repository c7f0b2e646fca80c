"""How long to wait before trying again."""

import random
from collections.abc import Iterator


def growing_pauses(first_s: float, longest_s: float) -> Iterator[float]:
    """Seconds to wait before each further try: twice as many each time, less up to half of them by chance.

    Chance keeps those apart who lost the same thing at the same moment. After a success, begin with new pauses.
    """
    pause = first_s
    while True:
        yield pause * random.uniform(0.5, 1)  # noqa: S311 - jitter
        pause = min(2 * pause, longest_s)
