"""Where people are, in the words that a soak needs of every platform."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, Self

from glados_bots.store.connection import Client
from tests.soak.questions import ANSWER, Misdeeds, Question, Seen, Version, whole

LOOK_EVERY_S = 0.3


class FarEnd(Protocol):
    """A platform with its people.

    Attributes:
        name: of the platform and of its command.
        in_order: whether the platform delivers in the order of asking, so that people expect answers in that order;
            else the order counts in which the questions came to be known.
        can: what people may do with a question: edit, delete, redo.
    """

    name: str
    in_order: bool
    can: tuple[str, ...]

    async def __aenter__(self) -> Self:
        """Open it."""

    async def __aexit__(self, *args: object) -> None:
        """Close it."""

    async def prepare(self, store: Client) -> None:
        """Whatever must be in the store before the adapter starts."""

    def envs(self, replicas: int) -> list[dict[str, str]]:
        """Settings of its adapter, for each process that is to run."""

    async def is_ready(self, replicas: int) -> bool:
        """Whether so many processes take questions."""

    def may_ask(self, thread: int) -> bool:
        """Whether something can be asked in a thread now: on Discord, the bot opens it."""

    async def ask(self, question: Question) -> None:
        """Somebody asks; the first time, the thread begins."""

    async def edit(self, question: Question) -> None:
        """Its author changes it to what it says now."""

    async def delete(self, question: Question) -> None:
        """Its author deletes it."""

    async def redo(self, question: Question) -> None:
        """Somebody wants another answer to it."""

    def whole(self, thread: int) -> set[Version]:
        """Whole answers that stand in a thread, as known a moment ago."""

    def begun(self, thread: int) -> set[int]:
        """Questions of a thread whose answers are shown in part at least."""

    async def look(self) -> list[Seen]:
        """Everything of the bot that stands."""

    def misdeeds(self) -> Misdeeds:
        """What else the bot did or left."""

    def story(self, number: int) -> list[str]:
        """What is known of how a question came to the bot and what stands for it, for people."""

    def given_up(self) -> int:
        """How many events the platform gave up to deliver."""

    def is_busy(self) -> bool:
        """Whether something that was asked is still on its way to the bot."""

    def now(self) -> float:
        """The far end's clock."""

    def full(self) -> list[str]:
        """Limits of the platform that were used up, as sentences; there, answers wait for nothing else."""


class Glances:
    """What stands in each thread, looked up no more often than LOOK_EVERY_S: everybody asks all the time."""

    def __init__(self) -> None:
        self._next = 0.0
        self._whole: dict[int | None, set[Version]] = {}
        self._begun: dict[int | None, set[int]] = {}

    def at(self, texts: Callable[[], Iterable[tuple[int | None, str]]], thread: int) -> tuple[set[Version], set[int]]:
        """Whole answers of a thread, and those that have begun; `texts` looks all messages up, each with its thread."""
        if time.monotonic() >= self._next:
            self._whole, self._begun = defaultdict(set), defaultdict(set)
            for place, text in texts():
                self._whole[place] |= whole(text)
                self._begun[place] |= {int(number) for number, _ in ANSWER.findall(text)}
            self._next = time.monotonic() + LOOK_EVERY_S
        return self._whole.get(thread, set()), self._begun.get(thread, set())


def busiest(times: Sequence[float], period_s: float) -> int:
    """Most that happened within any period of this length; times in order."""
    first = most = 0
    for last, at in enumerate(times):
        while at - times[first] >= period_s:
            first += 1
        most = max(most, last - first + 1)
    return most
