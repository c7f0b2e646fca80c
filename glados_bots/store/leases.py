"""What the store hands out: receipts for what was accepted, and leases on what is to be answered."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

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

    @classmethod
    def of(cls, turn: str, found: Sequence[Any]) -> "Receipt":
        """What lua/accept.lua and lua/change.lua return."""
        status, ahead, *rest = found
        match status:
            case "joined":
                return cls("joined", int(ahead), str(rest[0]))
            case "limited":
                scope, kind, reset_ms, told = rest
                return cls("limited", 0, turn, Excess(scope, kind, int(reset_ms) / 1000, bool(int(told))))
        return cls(status, int(ahead), turn)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one conversation's first turn, until it runs out.

    Attributes:
        fence: a number that only grows; every write shows it, so a worker that lost its lease changes nothing.
        attempts: times this turn was claimed, this one included.
        failures: those of them that ended with an error; the others lost their process or their lease.
        deaths: how many processes died one after the other while they were at this turn's own work (turns/in_hand.py).
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

    @classmethod
    def of(cls, fence: int, fields: Mapping[str, str]) -> "Lease":
        """Of a turn's hash."""
        return cls(
            turn=Turn.from_json(fields["data"], fields["text"]),
            fence=fence,
            attempts=int(fields["attempts"]),
            version=int(fields["version"]),
            posts=tuple(json.loads(fields["posts"])),
            draft=fields.get("draft", ""),
            cancel=cast("Action | None", fields.get("cancel")),
            answer=Exchange.from_json(fields["answer"]) if "answer" in fields else None,
            at=int(fields["at"]) / 1000,
            failures=int(fields.get("failures", 0)),
            deaths=int(fields.get("deaths", 0)),
            is_watched="taken" in fields,
            is_buried="buried" in fields,
            is_again="again" in fields,
            notice=fields.get("notice", ""),
            noted=int(fields.get("noted", 0)),
        )


@dataclass(frozen=True, slots=True)
class Renewal:
    """Answer to a heartbeat: what was asked of the running turn, and the turns queued behind it."""

    cancel: Action | None
    queued: tuple[str, ...]
