"""What the store hands out: receipts for what was accepted, and leases on what is to be answered."""

from dataclasses import dataclass
from typing import Literal

from glados_bots.conversation import Exchange, Turn
from glados_bots.store.limits import Excess

Status = Literal["accepted", "joined", "duplicate", "full", "limited"]
Action = Literal["stop", "delete", "redo"]
Ending = Literal["ended", "lost", "delete", "redo"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an event that was to be accepted.

    Attributes:
        status: `full` and `limited` were not taken in, and may be tried again.
        ahead: turns of the conversation that go first.
        turn: the turn that will answer it: another one than asked for when it was joined.
        excess: the limit that is reached, when limited.
    """

    status: Status
    ahead: int
    turn: str = ""
    excess: Excess | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one conversation's first turn, until it runs out.

    Attributes:
        fence: a number that only grows; every write shows it, so a worker that lost its lease changes nothing.
        attempts: times this turn was claimed, this one included.
        failures: those of them that ended with an error; the others lost their process or their lease.
        deaths: how many processes died one after the other while they were at this turn's own work (in_hand.py).
        is_buried: whether its notice stands above messages of the answer before it, and must be made anew.
        is_watched: whether a process died that had the turn, so that its own work is to be noted.
        is_again: whether it has ended, and its end is only shown once more; see store/lua/again.lua.
        notice: what was said beside the answer.
        version: 0 at first, one more for each time the turn was asked to be done again.
        posts: ids of the messages already posted for it, in order.
        noted: how many messages were ever noted for it.
        draft: what people saw of the answer when an earlier worker lost the turn.
        cancel: what was asked of the turn meanwhile, if anything.
        answer: the whole answer, when an earlier worker had it already but did not get to finish.
        at: when the turn was accepted, in seconds since the epoch by the clock of Redis.
    """

    turn: Turn
    fence: int
    attempts: int
    version: int
    posts: tuple[str, ...]
    draft: str
    cancel: Action | None
    answer: Exchange | None
    at: float
    failures: int = 0
    deaths: int = 0
    is_watched: bool = False
    is_buried: bool = False
    noted: int = 0
    is_again: bool = False
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Renewal:
    """Answer to a heartbeat: what was asked of the running turn, and the turns queued behind it."""

    cancel: Action | None
    queued: tuple[str, ...]
