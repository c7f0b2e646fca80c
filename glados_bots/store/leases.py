"""What the store returns: receipts for accepted events, and leases on turns to be answered."""

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
    """The result of handing in an event."""

    status: Status  # with `full` and `limited` nothing was saved, and the event may be handed in again
    ahead: int  # turns of the same conversation that are answered first
    turn: str = ""  # the turn that will answer the event; for `joined`, the turn that it was joined into
    excess: Excess | None = None  # the limit that was reached; None unless `limited`

    @classmethod
    def of(cls, turn: str, found: Sequence[Any]) -> "Receipt":
        """Parse what lua/accept.lua and lua/change.lua return."""
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
    """The right to work on the first turn of one conversation, until the lease runs out."""

    turn: Turn
    fence: int  # a number that only grows; every write carries it, so a worker that lost its lease changes nothing
    attempts: int  # how often the turn was claimed, including this time
    version: int  # 0 at first, plus one each time somebody asked to redo the turn
    posts: tuple[str, ...]  # ids of the messages already posted for it, in order
    draft: str  # what people saw of the answer when an earlier worker lost the turn
    cancel: Action | None  # the pending request to stop, delete or redo the turn, if any
    answer: Exchange | None  # the whole answer, if an earlier worker had it but could not finish the turn
    at: float  # when the turn was accepted, in seconds since the epoch by the clock of Redis
    failures: int = 0  # attempts that ended with an error; other attempts lost their process or their lease
    deaths: int = 0  # processes that died in a row while working on this turn itself (turns/in_hand.py)
    is_watched: bool = False  # whether a process that held the turn has died; workers then note when they work on it
    is_buried: bool = False  # whether its notice stands above messages of an earlier answer and must be posted again
    noted: int = 0  # how many messages were ever noted for it
    is_again: bool = False  # whether the turn has ended and only its end is shown once more; see store/lua/again.lua
    notice: str = ""  # what was said beside the answer

    @classmethod
    def of(cls, fence: int, fields: Mapping[str, str]) -> "Lease":
        """Build a lease from the hash of a turn."""
        return cls(
            turn=Turn.from_json(fields["data"], fields["text"], fields.get("files", "")),
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
    """Answer to a heartbeat: the pending request about the running turn, and the turns queued behind it."""

    cancel: Action | None
    queued: tuple[str, ...]
