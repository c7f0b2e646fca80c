"""Whose work a process was at when it died: tells a turn that kills processes from those that were merely there.

A turn whose process died is watched from then on. Each piece of its own work (making the prompt, drawing the answer,
handing it to the platform) is noted in Redis before it begins, and taken back when it is done or has to wait: for the
budget, the model, the store or the platform. A piece that takes long while the event loop turns is such a wait; work
that blocks the loop lets nothing be noted. Watched turns of one process work one after the other, so the note of a
process that dies names one of them. Who takes over finds the note, and counts (store/lua/claim.lua). A turn that is not
watched, as nearly all are, costs no call.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from glados_bots.errors import StoreUnavailableError

# A piece of work that takes longer counts as a wait, and keeps other watched turns waiting no more.
LONGEST_HOLD_S = 0.3
PACE_S = 1.0  # an answer of a watched turn is drawn this often at most: each time costs two calls


@dataclass(slots=True)
class InHand:
    """The note of one watched turn."""

    floor: asyncio.Lock  # one for all turns of a process
    write: Callable[[bool], Awaitable[object]]  # notes in Redis whether own work is in hand
    pieces: int = 0
    _noted: bool | None = False
    _noting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def note(self) -> None:
        """Let Redis know how it is. While Redis is away the work goes on without."""
        async with self._noting:
            works = self.pieces > 0
            if works == self._noted:
                return
            self._noted = None
            with suppress(StoreUnavailableError):
                await self.write(works)
                self._noted = works


class _Piece:
    """A piece of own work, which may be interrupted by waits."""

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
        """The loop turned meanwhile, so this is a request under way: who dies now does not die of the turn's work."""
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
    """Everything within, and in tasks begun within, is about this turn; None: about one that is not watched."""
    token = _watched.set(hand)
    try:
        yield
    finally:
        _watched.reset(token)


def pace_s() -> float:
    """Seconds between two pieces of work that may as well be one: 0 unless the turn is watched."""
    return PACE_S if _watched.get() else 0.0


@asynccontextmanager
async def works() -> AsyncIterator[None]:
    """Around a piece of the turn's own work. A piece within a piece is a part of it."""
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
    """Around a wait within a piece of work. Who is cancelled meanwhile does not come back to work."""
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
