"""Scripted faults of the Web API: what goes wrong, on which calls, how often, before or after the effect."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field

from tests.fakes.slack.world.models import JsonObject


@dataclass
class Fault:
    """One thing that goes wrong; see `Faults.add`."""

    method: str = "*"
    status: int = 0
    error: str = ""
    after_commit: bool = False
    drop: bool = False
    delay_s: float = 0.0
    retry_after_s: int | str = 1
    team_id: str = ""
    args: JsonObject = field(default_factory=dict)
    skip: int = 0
    times: int | None = 1
    hits: int = 0

    def matches(self, method: str, team_id: str, args: JsonObject) -> bool:
        """Whether this fault is about such a call."""
        return (
            fnmatch.fnmatchcase(method, self.method)
            and self.team_id in {"", team_id}
            and all(args.get(key) == value for key, value in self.args.items())
        )


class Faults:
    """The faults that wait for their call, in the order in which they were added."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(
        self,
        *,
        method: str = "*",
        status: int = 0,
        error: str = "",
        after_commit: bool = False,
        drop: bool = False,
        delay_s: float = 0.0,
        retry_after_s: int | str = 1,
        team_id: str = "",
        args: JsonObject | None = None,
        skip: int = 0,
        times: int | None = 1,
    ) -> Fault:
        """Script a fault.

        Args:
            method: Web API method with `*` for any part, such as "chat.*Stream".
            status: HTTP status: 429 with Retry-After, others with a page in HTML; 0 leaves it alone.
            error: Slack's error code: the answer is `ok: false` with it.
            after_commit: Do what was asked first, and only then answer with the fault.
            drop: Close the connection instead of answering.
            delay_s: Seconds to wait before going on, by the fake's clock: a test may say when they are over.
            retry_after_s: For status 429: the header, whole seconds; or a text, for one that is odd.
            team_id: Only calls with a token of this workspace.
            args: Only calls with these arguments.
            skip: Let that many matching calls pass first.
            times: How many calls it hits; None for all of them until it is removed.

        Returns:
            The fault; its `hits` counts the calls it has hit.
        """
        fault = Fault(
            method, status, error, after_commit, drop, delay_s, retry_after_s, team_id, args or {}, skip, times
        )
        self._waiting.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Stop a fault that was added."""
        if fault in self._waiting:
            self._waiting.remove(fault)

    def take(self, method: str, team_id: str, args: JsonObject) -> Fault | None:
        """The fault that hits this call, used up by one."""
        for fault in self._waiting:
            if not fault.matches(method, team_id, args):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.hits += 1
            if fault.times is not None and fault.hits >= fault.times:
                self._waiting.remove(fault)
            return fault
        return None
