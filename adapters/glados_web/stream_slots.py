"""How many streams one browser may hold. Over plain http it has six connections to us, for all its tabs together.

A stream holds one of them for as long as its page is seen, so without a bound a seventh tab would not even load. Two
are left to streams: with two processes behind one name that makes four, and two stay free. A page that somebody begins
to use takes the oldest stream's slot; the one whose slot was taken is *patient*, and asks now and then until one is
free.
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
        """A slot for one stream, and what is set when a newer stream needs it."""
        mine = asyncio.Event()
        taken = self._taken.setdefault(browser, [])
        taken.append(mine)
        for lost in taken[:-MOST]:
            lost.set()
        del taken[:-MOST]
        try:
            yield mine
        finally:
            taken = self._taken.get(browser, [])  # another list, if all streams had left meanwhile
            if mine in taken:
                taken.remove(mine)
            if not taken:
                self._taken.pop(browser, None)
