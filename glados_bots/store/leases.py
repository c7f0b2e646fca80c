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
    """What became of an event that was to be accepted."""

    status: Status  # `full` and `limited` were not taken in, and may be tried again
    ahead: int  # turns of the conversation that go first
    turn: str = ""  # the turn that will answer it: another one than asked for when it was joined
    excess: Excess | None = None  # the limit that is reached, when limited

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
    """The right to work on one conversation's first turn, until it runs out."""

    turn: Turn
    fence: int  # a number that only grows; every write shows it, so a worker that lost its lease changes nothing
    attempts: int  # times this turn was claimed, this one included
    version: int  # 0 at first, one more for each time the turn was asked to be done again
    posts: tuple[str, ...]  # ids of the messages already posted for it, in order
    draft: str  # what people saw of the answer when an earlier worker lost the turn
    cancel: Action | None  # what was asked of the turn meanwhile, if anything
    answer: Exchange | None  # the whole answer, when an earlier worker had it already but did not get to finish
    at: float  # when the turn was accepted, in seconds since the epoch by the clock of Redis
    failures: int = 0  # attempts that ended with an error; the others lost their process or their lease
    deaths: int = 0  # processes that died one after the other at this turn's own work (turns/in_hand.py)
    is_watched: bool = False  # whether a process died that had the turn, so that its own work is to be noted
    is_buried: bool = False  # whether its notice stands above messages of the answer before it, and must be made anew
    noted: int = 0  # how many messages were ever noted for it
    is_again: bool = False  # whether it has ended, and its end is only shown once more; see store/lua/again.lua
    notice: str = ""  # what was said beside the answer

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
