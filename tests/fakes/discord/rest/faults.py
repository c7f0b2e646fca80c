"""Scripted faults of the REST side: what goes wrong, on which calls, how often, before or after the effect."""

from __future__ import annotations

import asyncio
import fnmatch
from dataclasses import dataclass


@dataclass
class Fault:
    """One thing that goes wrong; see `Faults.add`."""

    method: str = "*"
    path: str = "*"
    status: int = 0
    code: int = 0
    message: str = ""
    after_commit: bool = False
    drop: bool = False
    delay_s: float = 0.0
    held_by: asyncio.Event | None = None
    retry_after_s: float | None = None
    cloudflare: bool = False
    skip: int = 0
    times: int | None = 1
    hits: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether this fault is about such a call."""
        return self.method in {"*", method} and fnmatch.fnmatchcase(path, self.path)


class Faults:
    """The faults that wait for their call, in the order in which they were added."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(
        self,
        *,
        method: str = "*",
        path: str = "*",
        status: int = 0,
        code: int = 0,
        message: str = "",
        after_commit: bool = False,
        drop: bool = False,
        delay_s: float = 0.0,
        held_by: asyncio.Event | None = None,
        retry_after_s: float | None = None,
        cloudflare: bool = False,
        skip: int = 0,
        times: int | None = 1,
    ) -> Fault:
        """Script a fault.

        Args:
            method: HTTP method, or "*".
            path: Path below the base URL with `*` for any part, such as "/channels/*/messages".
            status: HTTP status of the answer; 0 leaves the answer alone (for a mere delay or drop).
            code: Discord's JSON error code in the body.
            message: Text in the body.
            after_commit: Do what was asked first, and only then answer with the fault.
            drop: Close the connection instead of answering.
            delay_s: Seconds to wait before going on.
            held_by: Wait for this event before going on.
            retry_after_s: For status 429: the seconds in the body.
            cloudflare: Answer in the manner of the edge: no `Via` header, a page instead of JSON.
            skip: Let that many matching calls pass first.
            times: How many calls it hits; None for all of them until it is removed.

        Returns:
            The fault; its `hits` counts the calls it has hit.
        """
        fault = Fault(
            method, path, status, code, message, after_commit, drop, delay_s, held_by,
            retry_after_s, cloudflare, skip, times,
        )  # fmt: skip
        self._waiting.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Stop a fault that was added."""
        if fault in self._waiting:
            self._waiting.remove(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this call, used up by one."""
        for fault in self._waiting:
            if not fault.matches(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.hits += 1
            if fault.times is not None and fault.hits >= fault.times:
                self._waiting.remove(fault)
            return fault
        return None
