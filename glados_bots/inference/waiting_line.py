"""The waiting line before the model. It is bounded and fair between callers, and tells each request its place.

Callers take turns (start-time fair queueing): a request's round follows its caller's last round or the current one,
whichever is later. A thousand questions of one caller delay another caller by one place. If the line is full, the
newest request of the caller with the most waiting requests makes way. Of sixteen places, one caller alone may take
fifteen: then another's question need not wait for the end of a long answer.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from glados_bots.errors import QueueFullError
from glados_bots.wire.events import Queued

PACE_WINDOW = 16  # number of departures from which the pace is computed
UNKNOWN_WAIT_S = 10.0
PLACES_PER_RESERVED = 16  # one of so many places is free for callers that do not fill the others


@dataclass(eq=False, slots=True)
class _Ticket:
    """A waiting request. `moved` is set if its position changed, it is admitted, or it must make way."""

    caller: str
    round: int
    again: bool = False  # its request has had a turn before
    position: int = 0
    made_way: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class WaitingLine:
    """Admits a fixed number of requests at the same time; the others wait. For use in one event loop only."""

    def __init__(self, places: int, max_waiting: int) -> None:
        self._free = places
        self._reserved = places // PLACES_PER_RESERVED
        self._most_of_one = places - self._reserved  # places that one caller may take
        self._running_of: Counter[str] = Counter()
        self._max_waiting = max_waiting
        self._waiting: list[_Ticket] = []  # in order of arrival
        self._round = 0  # round of the last admitted request
        self._last_rounds: dict[str, int] = {}  # round of each caller's newest request, if later than `_round`
        self._pace = Pace()
        self.running = 0

    @property
    def waiting(self) -> int:
        """Requests not admitted yet."""
        return len(self._waiting)

    async def enter(self, caller: str = "", *, again: bool = False) -> AsyncGenerator[Queued]:
        """Yield the request's place each time it changes; end when it is admitted. It must then call `leave`.

        Args:
            caller: the sender of the request, for fairness between callers.
            again: the request has had a turn before and has left: it needs no room, and is the last to make way.

        Raises:
            QueueFullError: the line is full, and no caller has more requests in it than this one would have.
        """
        if not again and (self._free == 0 or self._waiting or self._has_its_share(caller)):
            self._make_room(caller)
        ticket = _Ticket(caller, max(self._round, self._last_rounds.get(caller, 0)) + 1, again)
        self._last_rounds[caller] = ticket.round
        self._waiting.append(ticket)
        self._arrange()
        try:
            while ticket.position > 0 or not self._may_begin(ticket):
                ticket.moved.clear()
                yield Queued(ticket.position, self._pace.wait_s(ticket.position))
                await ticket.moved.wait()
                if ticket.made_way:
                    raise self._full()
            self._admit(ticket)
        finally:
            if not ticket.made_way:
                self._waiting.remove(ticket)
                self._arrange()

    def leave(self, caller: str = "") -> None:
        """Give the place back. Args: caller: as in `enter`."""
        self._running_of -= Counter([caller])  # without the callers that have none left
        if self._is_full:
            self._pace.departed()
        self._free += 1
        self.running -= 1
        if self._is_full:
            self._pace.filled()
        self._arrange()

    def _may_begin(self, ticket: _Ticket) -> bool:
        return self._free > 0 and not self._has_its_share(ticket.caller)

    def _has_its_share(self, caller: str) -> bool:
        return self._reserved > 0 and self._running_of[caller] >= self._most_of_one

    @property
    def _is_full(self) -> bool:
        """Whether no place is free, or only reserved ones."""
        return self._free <= self._reserved

    def _admit(self, ticket: _Ticket) -> None:
        self._free -= 1
        self._running_of[ticket.caller] += 1
        self.running += 1
        if self._is_full:
            self._pace.filled()
        self._round = max(self._round, ticket.round)
        self._last_rounds = {caller: last for caller, last in self._last_rounds.items() if last > self._round}

    def _arrange(self) -> None:
        """Give each ticket its position: by rounds, by arrival within one, and last, callers with their whole share."""
        order = sorted(self._waiting, key=lambda each: (self._has_its_share(each.caller), each.round))
        for position, ticket in enumerate(order):
            if ticket.position != position or (position == 0 and self._free > 0):
                ticket.position = position
                ticket.moved.set()

    def _make_room(self, caller: str) -> None:
        if len(self._waiting) < self._max_waiting:
            return
        waiting = Counter(ticket.caller for ticket in self._waiting)
        greediest, most = waiting.most_common(1)[0]
        if waiting[caller] + 1 >= most:
            raise self._full()
        theirs = [ticket for ticket in self._waiting if ticket.caller == greediest]
        newest = max(reversed(theirs), key=lambda ticket: not ticket.again)
        self._waiting.remove(newest)
        if self._last_rounds.get(greediest) == newest.round:
            self._last_rounds[greediest] -= 1
        newest.made_way = True
        newest.moved.set()

    def _full(self) -> QueueFullError:
        waiting = len(self._waiting)
        return QueueFullError(waiting, self._pace.wait_s(waiting) or UNKNOWN_WAIT_S)


class Pace:
    """How long it takes until a place is free, from the last departures. Counts only time with all places taken."""

    def __init__(self) -> None:
        self._busy_s = 0.0  # a clock that stops while a place is free
        self._filled_at: float | None = None
        self._departures: deque[float] = deque(maxlen=PACE_WINDOW)  # by that clock

    def filled(self) -> None:
        if self._filled_at is None:
            self._filled_at = time.monotonic()

    def departed(self) -> None:
        """Record that a place became free while all places were taken."""
        self._busy_s, self._filled_at = self._clock(), None
        self._departures.append(self._busy_s)

    def wait_s(self, position: int) -> float | None:
        """Seconds until a place is free for this position; None until the pace is known."""
        count = len(self._departures)
        if count < 2:  # noqa: PLR2004 - a pace needs two points
            return None
        first, last = self._departures[0], self._departures[-1]
        pace = max((last - first) / (count - 1), (self._clock() - first) / count)
        return pace * (position + 1)

    def _clock(self) -> float:
        return self._busy_s + (0.0 if self._filled_at is None else time.monotonic() - self._filled_at)
