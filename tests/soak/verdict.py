"""What a soak has shown: each question against what stands at the far end."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.soak.far_ends import Seen


@dataclass(frozen=True)
class Asked:
    """A question: which, where, and when (seconds of the far end's clock).

    `accepted_at` is when it was accepted (seconds of the clock of Redis): a platform may deliver an event a minute
    late, below newer ones, and order is promised to what was accepted.
    """

    number: int
    thread: int
    at: float
    accepted_at: float = 0.0


@dataclass
class Verdict:
    """Numbers of questions that broke the promise, each with why; all empty when it held."""

    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    out_of_order: list[int] = field(default_factory=list)
    wrong_thread: list[int] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)  # messages that still say that they wait, and apologies

    @property
    def holds(self) -> bool:
        """Whether the promise held."""
        return not (self.lost or self.doubled or self.out_of_order or self.wrong_thread or self.waiting)

    def __str__(self) -> str:
        """One line."""
        counts = ", ".join(f"{name.replace('_', ' ')} {len(value)}" for name, value in vars(self).items())
        worst = {name: value[:5] for name, value in vars(self).items() if value}
        return f"{counts}{f'; the first: {worst}' if worst else ''}"


def judge(asked: Sequence[Asked], seen: Iterable[Seen]) -> Verdict:
    """Compare. A doubled answer is one with words of the same question in two messages, whole or not."""
    verdict, by_number = Verdict(), defaultdict(list)
    for message in seen:
        if not message.numbers:
            verdict.waiting.append(message.text)
        for number in message.numbers:
            by_number[number].append(message)
    for question in asked:
        answers = by_number[question.number]
        if not any(answer.is_whole(question.number) for answer in answers):
            verdict.lost.append(question.number)
        if len(answers) > 1:
            verdict.doubled.append(question.number)
        if any(answer.thread != question.thread for answer in answers):
            verdict.wrong_thread.append(question.number)
    verdict.out_of_order = _out_of_order(asked, by_number)
    return verdict


def _out_of_order(asked: Sequence[Asked], by_number: dict[int, list[Seen]]) -> list[int]:
    """Questions answered before an earlier one of their thread, or below a later one's answer.

    Two accepted in the same millisecond (nobody knows times finer than that) may be answered in either order.
    """

    def key(question: Asked) -> tuple[float, int]:
        return question.accepted_at, min((answer.order for answer in by_number[question.number]), default=0)

    found, last = [], dict[int, tuple[int, float]]()
    for question in sorted(asked, key=key):
        for answer in by_number[question.number][:1]:
            order, done_at = last.get(question.thread, (-1, 0.0))
            if answer.order <= order or answer.done_at < done_at:
                found.append(question.number)
            last[question.thread] = (answer.order, answer.done_at)
    return found


def late(asked: Sequence[Asked]) -> int:
    """How many questions were accepted after a newer one of their thread."""
    newest, found = dict[int, int](), 0
    for question in sorted(asked, key=lambda one: one.accepted_at):
        found += question.number < newest.get(question.thread, 0)
        newest[question.thread] = max(question.number, newest.get(question.thread, 0))
    return found


@dataclass
class Recovery:
    """How long questions took that were under way when something was killed; all in seconds.

    Attributes:
        answered: accepted before a kill: from the last such kill to the whole answer. This is our own time.
        delivered: asked before a kill and accepted after it: from the last such kill until the question was accepted,
            which is when the platform delivered it again, or it was found by looking.
        then_answered: the same questions, from there to the whole answer.
    """

    answered: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)
    then_answered: list[float] = field(default_factory=list)

    def lines(self, name: str) -> list[str]:
        """For people."""
        return [
            f"{name}: from a kill to the answer of a question accepted before: {spread(self.answered)}",
            f"{name}: from a kill until a question asked before was delivered (again): {spread(self.delivered)}",
            f"{name}: from that delivery to its answer: {spread(self.then_answered)}",
        ]


def recovery(asked: Iterable[Asked], done: Mapping[int, float], kills: Sequence[float]) -> Recovery:
    """Sort out what a kill cost us, and what the platform's delivery did; `done` maps numbers to ends of answers."""
    found = Recovery()
    for question in asked:
        done_at, accepted_at = done.get(question.number), question.accepted_at
        if done_at is None or not accepted_at:
            continue
        if before := [kill for kill in kills if question.at < kill < accepted_at]:
            found.delivered.append(accepted_at - before[-1])
            found.then_answered.append(done_at - accepted_at)
        if after := [kill for kill in kills if accepted_at < kill < done_at]:
            found.answered.append(done_at - after[-1])
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies; 0 for no values."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def spread(seconds: Sequence[float]) -> str:
    """Median, 95th percentile and longest, for people."""
    median, worst = percentile(seconds, 0.5), percentile(seconds, 0.95)
    return f"p50 {median:.3f} s, p95 {worst:.3f} s, longest {max(seconds, default=0):.3f} s ({len(seconds)} questions)"
