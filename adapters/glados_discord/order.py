"""Events of one channel are handled one after the other, as Discord sent them, and again until Redis is there for them.

discord.py starts a task for each event. A lock of asyncio lets tasks in as they came.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from glados_bots.errors import StoreUnavailableError

log = logging.getLogger(__name__)

LONGEST_NAP_S = 10.0
Work = Callable[[], Awaitable[object]]


class Order:
    """The order of one process.

    Attributes:
        is_closing: nothing more is begun.
        pending: events that are being handled, or wait for it.
    """

    def __init__(self) -> None:
        self.is_closing = False
        self.pending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def do(self, channel: int, work: Work) -> None:
        """Do this after all earlier work of the channel, and repeat it while Redis is away."""
        if self.is_closing:
            return
        lock = self._locks.setdefault(channel, asyncio.Lock())
        self.pending += 1
        self._idle.clear()
        try:
            async with lock:
                await self._insist(work)
        finally:
            self.pending -= 1
            if not self.pending:
                self._idle.set()

    async def drain(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        self.is_closing = True
        await self._idle.wait()

    async def _insist(self, work: Work) -> None:
        nap = 0.25
        while True:
            try:
                await work()
            except StoreUnavailableError as error:
                log.warning("%s; an event of Discord waits", error)
                if self.is_closing:
                    return
                await asyncio.sleep(nap)
                nap = min(2 * nap, LONGEST_NAP_S)
            else:
                return
