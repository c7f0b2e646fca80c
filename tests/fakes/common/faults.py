"""Scripted faults: what goes wrong, on which calls, how often, before or after the effect."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, ParamSpec, TypeVar

from .clock import MovableClock


@dataclass(kw_only=True)
class BaseFault:
    """One thing that goes wrong.

    Attributes:
        status: HTTP status of the answer; 0 leaves the answer alone (for a mere delay or drop).
        after_commit: Do what was asked first, and only then answer with the fault.
        drop: Close the connection instead of answering.
        delay_s: Seconds to wait before going on, by the fake's clock: a test may say when they are over.
        held_by: Wait for this event before going on.
        skip: Let that many matching calls pass first.
        times: How many calls it hits; None for all of them until it is removed.
        hits: How many it has hit.
    """

    status: int = 0
    after_commit: bool = False
    drop: bool = False
    delay_s: float = 0.0
    held_by: asyncio.Event | None = None
    skip: int = 0
    times: int | None = 1
    hits: int = field(default=0, init=False)

    async def wait(self, clock: MovableClock) -> None:
        """Let the call wait as long as it has to."""
        await clock.sleep(self.delay_s)
        if self.held_by is not None:
            await self.held_by.wait()


Options = ParamSpec("Options")
Kind = TypeVar("Kind", bound=BaseFault)


class Faults(Generic[Options, Kind]):
    """The faults that wait for their call, in the order in which they were added."""

    def __init__(self, kind: Callable[Options, Kind]) -> None:
        self._kind = kind
        self._waiting: list[Kind] = []

    def add(self, *args: Options.args, **options: Options.kwargs) -> Kind:
        """Script a fault; its class says what it takes."""
        fault = self._kind(*args, **options)
        self._waiting.append(fault)
        return fault

    def remove(self, fault: Kind) -> None:
        """Stop a fault that was added."""
        if fault in self._waiting:
            self._waiting.remove(fault)

    def take(self, hits: Callable[[Kind], bool]) -> Kind | None:
        """The first fault that hits a call, used up by one."""
        for fault in filter(hits, list(self._waiting)):
            if fault.skip:
                fault.skip -= 1
                continue
            fault.hits += 1
            if fault.times is not None and fault.hits >= fault.times:
                self._waiting.remove(fault)
            return fault
        return None
