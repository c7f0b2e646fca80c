"""Questions with a number and a version, and what is seen of their answers."""

import re
from dataclasses import dataclass, field

WHICH = re.compile(r"question (\d+)\.(\d+)")
ANSWER = re.compile(r"answer (\d+)\.(\d+)")
END = re.compile(r"end (\d+)\.(\d+),")

Where = tuple[int | None, int]  # a thread (None: none that was asked in), and which place of it
NOWHERE: Where = (None, 0)
Version = tuple[int, int]  # of which question, and how often it had been edited


@dataclass
class Question:
    """A question and what became of it; times are seconds of the far end's clock.

    Attributes:
        number: which.
        thread: where it was asked.
        at: when.
        place: which place of that thread, where it began anew because its first message was deleted.
        version: how often it was edited.
        redone: how often its answer was asked for again.
        is_deleted: whether its author took it back.
        accepted_at: when it was accepted (seconds of the clock of Redis); 0 when nobody knows.
    """

    number: int
    thread: int
    at: float
    place: int = 0
    version: int = 0
    redone: int = 0
    is_deleted: bool = False
    accepted_at: float = 0.0

    @property
    def text(self) -> str:
        """What it says now."""
        return f"question {self.number}.{self.version}"

    @property
    def newest(self) -> Version:
        """What its answer has to speak of."""
        return self.number, self.version


@dataclass(frozen=True)
class Seen:
    """One message of the bot, as it stands.

    Attributes:
        thread: number of the thread it stands in; None when it stands in none that was asked in.
        place: which place of that thread.
        text: all of it.
        order: its place among the messages of its thread.
        words_at: when its first words of an answer were seen, in seconds of the far end's clock; None for none.
        done_at: when it first looked like a whole answer; else when it looked as it does now.
        is_unfinished: whether the platform shows that more is to come.
        is_timed: whether its times tell the order of two answers. A browser hears of each over a connection of its own,
            so it may see the later one first; what stands above counts there, and nothing else.
    """

    thread: int | None
    text: str
    order: int = 0
    words_at: float | None = None
    done_at: float = 0.0
    is_unfinished: bool = False
    place: int = 0
    is_timed: bool = True

    @property
    def numbers(self) -> set[int]:
        """Questions whose answers it has words of."""
        return {int(number) for number, _ in ANSWER.findall(self.text)}

    @property
    def whole(self) -> set[Version]:
        """Answers that end here."""
        return whole(self.text)


@dataclass
class Misdeeds:
    """What a far end holds against the bot beside its messages.

    Attributes:
        not_granted: calls that the platform refused as too many, without having been told to.
        pings: people who were notified.
        left_on: what still looks as if the bot were at work: sessions, status lines.
    """

    not_granted: list[str] = field(default_factory=list)
    pings: list[str] = field(default_factory=list)
    left_on: list[str] = field(default_factory=list)


def whole(text: str) -> set[Version]:
    """Answers that end in a text."""
    return {(int(number), int(version)) for number, version in END.findall(text)}


def seen_by_revisions(where: Where, order: int, revisions: list[tuple[float, str]], *, is_unfinished: bool) -> Seen:
    """A message of which every look is known, as (time, text), oldest first."""
    words_at = next((time for time, text in revisions if ANSWER.search(text)), None)
    now = revisions[-1][1]
    numbers = {int(number) for number, _ in ANSWER.findall(now)}
    done = (time for time, text in revisions if numbers and numbers <= {number for number, _ in whole(text)})
    thread, place = where
    return Seen(thread, now, order, words_at, next(done, revisions[-1][0]), is_unfinished, place)
