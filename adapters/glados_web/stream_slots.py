"""Limits the streams of one browser. Over plain http it has six connections to us, for all its tabs together.

The stream of a visible page holds one of them, so without a limit a seventh tab would not even load. Streams may use
two: with two processes behind one name that makes four, and two stay free. A page that somebody begins to use takes
the oldest stream's slot. The page that loses its slot is *patient*: it asks now and then until one is free.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 2


class StreamSlots:
    """The streams of all browsers that this process holds."""

    def __init__(self) -> None:
        self._taken: dict[str, list[asyncio.Event]] = {}

    def has_free(self, browser: str) -> bool:
        """Whether a stream may begin without ending another one."""
        return len(self._taken.get(browser, ())) < MOST

    @contextmanager
    def take(self, browser: str) -> Iterator[asyncio.Event]:
        """Take a slot for one stream. Yield an event that is set when a newer stream takes it."""
        mine = asyncio.Event()
        taken = self._taken.setdefault(browser, [])
        taken.append(mine)
        for lost in taken[:-MOST]:
            lost.set()
        del taken[:-MOST]
        try:
            yield mine
        finally:
            taken = self._taken.get(browser, [])  # another list if all streams ended meanwhile
            if mine in taken:
                taken.remove(mine)
            if not taken:
                self._taken.pop(browser, None)
