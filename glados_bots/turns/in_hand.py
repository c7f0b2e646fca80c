"""Tells which turn a process worked on when it died, so that a turn that kills processes is told from innocent ones.

A turn whose process died is watched from then on. Redis gets a note before each piece of the turn's own work: making
the prompt, drawing the answer, handing it to the platform. The note is removed when the piece is done, or waits for
the budget, the model, Redis or the platform. A piece that takes long while the event loop runs counts as a wait. Work
that blocks the loop keeps its note. Watched turns of one process work one after the other, so the note of a dead
process names exactly one of them. The next worker finds the note and counts it (store/lua/claim.lua). Nearly all turns
are not watched, and cost no call.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from glados_bots.errors import StoreUnavailableError

# A piece of work that takes longer counts as a wait. Other watched turns may then work.
LONGEST_HOLD_S = 0.3
PACE_S = 1.0  # between two drawings of a watched turn's answer, each of which costs two calls


@dataclass(slots=True)
class InHand:
    """The note of one watched turn."""

    floor: asyncio.Lock  # one for all turns of a process
    write: Callable[[bool], Awaitable[object]]  # notes in Redis whether the turn's own work is running
    pieces: int = 0
    _noted: bool | None = False
    _noting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def note(self) -> None:
        """Save the state of the work in Redis. The work continues without a note if Redis is not reachable."""
        async with self._noting:
            works = self.pieces > 0
            if works == self._noted:
                return
            self._noted = None
            with suppress(StoreUnavailableError):
                await self.write(works)
                self._noted = works


class _Piece:
    """A piece of the turn's own work. Waits may interrupt it."""

    def __init__(self, hand: InHand) -> None:
        self._hand = hand
        self.task = asyncio.current_task()
        self.is_open = False
        self._counts = False
        self._hold: asyncio.TimerHandle | None = None
        self._turning: asyncio.TimerHandle | None = None
        self._noting: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        loop = asyncio.get_running_loop()
        await self._hand.floor.acquire()
        self._hold = loop.call_later(LONGEST_HOLD_S, self._let_others)
        self.is_open = self._counts = True
        self._hand.pieces += 1
        await self._hand.note()
        self._turning = loop.call_later(LONGEST_HOLD_S, self._has_waited)

    async def end(self) -> None:
        if not self.is_open:
            return
        self.is_open = False
        self._uncount()
        try:
            await self._hand.note()
            if self._noting:
                await self._noting
        finally:
            self._let_others()

    def _has_waited(self) -> None:
        """Treat a long piece as a wait: the event loop runs, so the turn's work cannot kill the process now."""
        self._uncount()
        self._noting = asyncio.create_task(self._hand.note())
        self._let_others()

    def _uncount(self) -> None:
        if self._turning:
            self._turning.cancel()
            self._turning = None
        self._hand.pieces -= self._counts
        self._counts = False

    def _let_others(self) -> None:
        if self._hold:
            self._hold.cancel()
            self._hold = None
            self._hand.floor.release()


_watched: ContextVar[InHand | None] = ContextVar("watched", default=None)
_piece: ContextVar[_Piece | None] = ContextVar("piece", default=None)


@contextmanager
def watched(hand: InHand | None) -> Iterator[None]:
    """All work within, and in tasks begun within, belongs to this turn. None stands for a turn that is not watched."""
    token = _watched.set(hand)
    try:
        yield
    finally:
        _watched.reset(token)


def pace_s() -> float:
    """Seconds between two pieces of work that could be one. 0 unless the turn is watched."""
    return PACE_S if _watched.get() else 0.0


@asynccontextmanager
async def works() -> AsyncIterator[None]:
    """Mark a piece of the turn's own work. A piece within a piece is a part of it."""
    hand, outer = _watched.get(), _piece.get()
    if hand is None or (outer and outer.is_open and outer.task is asyncio.current_task()):
        yield
        return
    piece = _Piece(hand)
    token = _piece.set(piece)
    try:
        await piece.begin()
        yield
    finally:
        _piece.reset(token)
        await piece.end()


@asynccontextmanager
async def waits() -> AsyncIterator[None]:
    """Mark a wait within a piece of work. A task that is cancelled meanwhile does not return to work."""
    piece = _piece.get()
    if piece is None or not piece.is_open or piece.task is not asyncio.current_task():
        yield
        return
    await piece.end()
    try:
        yield
    except asyncio.CancelledError:
        raise
    except BaseException:
        await piece.begin()
        raise
    await piece.begin()
