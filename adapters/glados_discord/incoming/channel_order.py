"""Handles the events of one place one after the other, as Discord sent them, and retries until Redis answers.

discord.py starts one task per event, in the order of the events. Each task queues before its first `await`, behind all
earlier work of its place. A message is a place, too: the thread on it has the message's id, so messages in the thread
wait until the message itself was handled.

A new session begins with a gap. New events of a server are held until its missed messages (`late`) are handled.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from glados_bots.errors import StoreUnavailableError
from glados_bots.retrying import growing_pauses

log = logging.getLogger(__name__)

LONGEST_NAP_S = 10.0
LONGEST_HOLD_S = 300.0  # in all: outages of Discord last minutes, and without a hold answers come in the wrong order
LONGEST_UNREAD_S = 60.0  # while nobody reads the missed messages
DIRECT = 0  # the server id for direct messages
Work = Callable[[], Awaitable[object]]


class Hold:
    """New events of one shard wait for this. A server is `free` once its missed messages are handled.

    A session may end before its gap is read. Events behind its hold (`before`) still wait for it. But whoever reads the
    next gap has also read this one.
    """

    def __init__(self, shard: int, shards: int, before: "Hold | None" = None) -> None:
        self._shard = shard
        self._shards = shards
        self._before = before
        self._began_at = asyncio.get_running_loop().time()
        self.is_read = False  # whether the missed messages are being read, or will be after an outage
        self._all = asyncio.Event()
        self._free: dict[int, asyncio.Event] = {}

    def holds(self, guild: int) -> bool:
        return (guild >> 22) % self._shards == self._shard and not self._event(guild).is_set()

    @property
    def ends_at(self) -> float:
        """When this hold ends at the latest, by the event loop's clock."""
        own = self._began_at + (LONGEST_HOLD_S if self.is_read else LONGEST_UNREAD_S)
        return max(own, self._before.ends_at) if self._before and not self._before.is_free else own

    def free(self, guild: int) -> None:
        """Let events of this server pass."""
        if self._before:
            self._before.free(guild)
        self._event(guild).set()

    @property
    def is_free(self) -> bool:
        return self._all.is_set()

    def free_all(self) -> None:
        """Let all events pass."""
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
    """The order of events in one process."""

    def __init__(self) -> None:
        self.is_closing = False  # no more work may begin
        self.pending = 0  # events that are being handled, or wait
        self._idle = asyncio.Event()
        self._idle.set()
        self._holds: dict[int, Hold] = {}  # by shard
        self._last: dict[int, asyncio.Event] = {}  # place -> the end of the work that was queued last
        self._last_held: dict[int, asyncio.Event] = {}  # the same for held events: late work does not wait for them

    async def do(
        self, channel: int, work: Work, *, guild: int | None = None, opens: int | None = None, late: bool = False
    ) -> None:
        """Do `work` after all earlier work of its places, and repeat it while Redis is not reachable.

        Args:
            channel: the place.
            work: what to do.
            guild: the place's server; None for direct messages.
            opens: id of a message on which a thread may stand.
            late: whether the work comes from a gap; then it goes before held events.
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
            if not (hold and self.is_closing):  # held events have not begun: the next process finds them again
                await self._insist(work)
        finally:
            done.set()
            self._forget(places, done)
            self.pending -= 1
            if not self.pending:
                self._idle.set()

    async def drain(self) -> None:
        """Begin no more work, and wait for running work."""
        self.is_closing = True
        for hold in self._holds.values():
            hold.free_all()
        await self._idle.wait()

    def hold(self, shard: int = 0, shards: int = 1) -> Hold:
        """Hold new events of a shard from now on, until they are freed or the hold has lasted too long."""
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
        log.warning("missed messages are still not read after a gap: new events wait no longer")
        hold.free_all()

    def _hold_of(self, guild: int) -> Hold | None:
        return next((hold for hold in self._holds.values() if hold.holds(guild)), None)

    def _queue_up(
        self, places: set[int], hold: Hold | None, *, late: bool
    ) -> tuple[list[asyncio.Event], asyncio.Event]:
        """Queue in each place. Returns the events to wait for, and the event to set at the end."""
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
                log.warning("%s; an event of Discord waits for Redis", error)
                if self.is_closing:
                    return
                await asyncio.sleep(next(pauses))
            else:
                return
