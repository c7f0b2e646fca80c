"""Events of one place are handled one after the other, as Discord sent them, and again until Redis is there for them.

discord.py starts a task for each event, in the order in which the events came. Each task queues up before its first
`await`, behind all earlier work of its place. A message is a place of its own, too: the thread on it has its id, so
what is written there waits until the message itself was handled.

A new session begins with a gap. Until a server's missed messages were handed in (`late`), its new events are held.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from glados_bots.errors import StoreUnavailableError
from glados_bots.retrying import growing_pauses

log = logging.getLogger(__name__)

LONGEST_NAP_S = 10.0
LONGEST_HOLD_S = 300.0  # in all: an outage of Discord lasts minutes, and who holds nothing answers in the wrong order
LONGEST_UNREAD_S = 60.0  # while nobody reads what was missed
DIRECT = 0  # stands for the server of direct messages
Work = Callable[[], Awaitable[object]]


class Hold:
    """New events of one shard wait behind this. A server is `free` once its missed messages were handed in.

    A session may end before its gap was read. What waits behind its hold (`before`) goes on waiting for that; but who
    has read the next gap has read this one, too.
    """

    def __init__(self, shard: int, shards: int, before: "Hold | None" = None) -> None:
        self._shard = shard
        self._shards = shards
        self._before = before
        self._began_at = asyncio.get_running_loop().time()
        self.is_read = False  # whether somebody reads what was missed, or would but for an outage
        self._all = asyncio.Event()
        self._free: dict[int, asyncio.Event] = {}

    def holds(self, guild: int) -> bool:
        return (guild >> 22) % self._shards == self._shard and not self._event(guild).is_set()

    @property
    def ends_at(self) -> float:
        """When this has lasted long enough, by the event loop's clock."""
        own = self._began_at + (LONGEST_HOLD_S if self.is_read else LONGEST_UNREAD_S)
        return max(own, self._before.ends_at) if self._before and not self._before.is_free else own

    def free(self, guild: int) -> None:
        """Events of this server need not wait any more."""
        if self._before:
            self._before.free(guild)
        self._event(guild).set()

    @property
    def is_free(self) -> bool:
        return self._all.is_set()

    def free_all(self) -> None:
        """Nothing needs to wait any more."""
        if self._before:
            self._before.free_all()
            self._before = None
        self._all.set()
        for event in self._free.values():
            event.set()

    async def over(self, guild: int) -> None:
        await self._event(guild).wait()

    def _event(self, guild: int) -> asyncio.Event:
        return self._all if self._all.is_set() else self._free.setdefault(guild, asyncio.Event())


class ChannelOrder:
    """The order of one process."""

    def __init__(self) -> None:
        self.is_closing = False  # nothing more is begun
        self.pending = 0  # events that are being handled, or wait for it
        self._idle = asyncio.Event()
        self._idle.set()
        self._holds: dict[int, Hold] = {}  # by shard
        self._last: dict[int, asyncio.Event] = {}  # place -> the end of the work that queued up last
        self._last_held: dict[int, asyncio.Event] = {}  # the same, of what was held: late work does not wait for it

    async def do(
        self, channel: int, work: Work, *, guild: int | None = None, opens: int | None = None, late: bool = False
    ) -> None:
        """Do this after all earlier work of its places, and repeat it while Redis is away.

        Args:
            channel: the place.
            work: what to do.
            guild: the place's server; None for direct messages.
            opens: a message on which a thread may stand.
            late: whether it belongs to a gap that was looked through; then it goes before what is held.
        """
        if self.is_closing:
            return
        places = {channel, opens or channel}
        hold = None if late else self._hold_of(guild or DIRECT)
        earlier, done = self._queue_up(places, hold, late=late)
        self.pending += 1
        self._idle.clear()
        try:
            if hold:
                await hold.over(guild or DIRECT)
            for event in earlier:
                await event.wait()
            if not (hold and self.is_closing):  # what was held has not begun: it is found again after the restart
                await self._insist(work)
        finally:
            done.set()
            self._forget(places, done)
            self.pending -= 1
            if not self.pending:
                self._idle.set()

    async def drain(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        self.is_closing = True
        for hold in self._holds.values():
            hold.free_all()
        await self._idle.wait()

    def hold(self, shard: int = 0, shards: int = 1) -> Hold:
        """From now on hold new events of a shard, until they are freed or it has lasted too long."""
        before = self._holds.get(shard)
        hold = self._holds[shard] = Hold(shard, shards, None if before is None or before.is_free else before)
        self._give_up_in_time(hold)
        return hold

    def _give_up_in_time(self, hold: Hold) -> None:
        loop = asyncio.get_running_loop()
        if hold.is_free:
            return
        if loop.time() < hold.ends_at:
            loop.call_at(hold.ends_at, self._give_up_in_time, hold)
            return
        log.warning("what was missed in a gap is still not read: new events wait no longer")
        hold.free_all()

    def _hold_of(self, guild: int) -> Hold | None:
        return next((hold for hold in self._holds.values() if hold.holds(guild)), None)

    def _queue_up(
        self, places: set[int], hold: Hold | None, *, late: bool
    ) -> tuple[list[asyncio.Event], asyncio.Event]:
        """Become the last of each place; returns what goes before, and what is to be set at the end."""
        chains = [self._last] if late else [self._last, self._last_held]
        earlier = [chain[place] for chain in chains for place in places if place in chain]
        done = asyncio.Event()
        (self._last_held if hold else self._last).update(dict.fromkeys(places, done))
        return earlier, done

    def _forget(self, places: set[int], done: asyncio.Event) -> None:
        for chain in (self._last, self._last_held):
            for place in places:
                if chain.get(place) is done:
                    del chain[place]

    async def _insist(self, work: Work) -> None:
        pauses = growing_pauses(0.25, LONGEST_NAP_S)
        while True:
            try:
                await work()
            except StoreUnavailableError as error:
                log.warning("%s; an event of Discord waits", error)
                if self.is_closing:
                    return
                await asyncio.sleep(next(pauses))
            else:
                return
