"""How long answers took, and what a kill cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.soak.questions import Question


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


def recovery(asked: Iterable[Question], done: Mapping[int, float], kills: Sequence[float]) -> Recovery:
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
    """Median and 95th percentile, for people."""
    if not seconds:
        return "-"
    return f"{percentile(seconds, 0.5):.1f} s, {percentile(seconds, 0.95):.1f} s"
