"""What a soak has shown: each question against what stands at the far end."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from glados_bots.wording.catalogue import template
from tests.soak.questions import Misdeeds, Question, Seen


def _any_of(*names: str) -> re.Pattern[str]:
    """Whatever holds one of these sentences of the catalogue, by the longest piece of it that is always the same."""
    texts = [text for name in names for text in {template(name, "en"), template(name, "en", 2)}]
    return re.compile("|".join(re.escape(max(re.split(r"\{\w+\}", text), key=len)) for text in texts))


WAITS = _any_of(
    "queued", "queued-next", "model-queue", "model-queue-next", "model-queue-wait", "model-queue-next-wait",
    "model-unreachable", "store-unreachable", "paused", "status-is-thinking", "status-is-waiting",
)  # fmt: skip
APOLOGIES = _any_of(
    "apology", "broken", "no-answer", "cannot-answer", "could-not-answer-you", "store-unreachable-asked"
)


@dataclass
class Verdict:
    """What broke the promise, by kind: numbers of questions, or what stands there; all empty when it held."""

    lost: list[int] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    out_of_order: list[int] = field(default_factory=list)
    in_the_wrong_thread: list[int] = field(default_factory=list)
    apologies: list[str] = field(default_factory=list)
    answers_to_deleted_questions: list[int] = field(default_factory=list)
    edits_not_followed: list[int] = field(default_factory=list)
    placeholders_left: list[str] = field(default_factory=list)
    calls_not_granted: list[str] = field(default_factory=list)
    pings: list[str] = field(default_factory=list)
    sessions_and_status_lines_left: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the promise held."""
        return not any(vars(self).values())

    @property
    def counts(self) -> dict[str, int]:
        """How often each kind was found, by its name for people."""
        return {name.replace("_", " "): len(found) for name, found in vars(self).items()}

    @property
    def broken(self) -> set[int]:
        """Numbers of the questions whose promise broke."""
        return {one for found in vars(self).values() for one in found if isinstance(one, int)}

    def lines(self) -> list[str]:
        """The first few of each kind, for people."""
        return [f"{name.replace('_', ' ')}: {found[:6]}" for name, found in vars(self).items() if found]


def judge(
    asked: Sequence[Question], seen: Iterable[Seen], misdeeds: Misdeeds | None = None, *, in_order: bool = True
) -> Verdict:
    """Compare.

    A doubled answer is one with words of the same question in two messages, whole or not.

    Args:
        asked: All questions of a platform.
        seen: All messages of the bot that stand there.
        misdeeds: What else is held against it.
        in_order: Whether answers are expected in the order of asking; else in that of acceptance.
    """
    misdeeds = misdeeds or Misdeeds()
    verdict = Verdict(
        calls_not_granted=misdeeds.not_granted, pings=misdeeds.pings, sessions_and_status_lines_left=misdeeds.left_on
    )
    answers = defaultdict[int, list[Seen]](list)
    for message in seen:
        _judge_text(verdict, message)
        for number in message.numbers:
            answers[number].append(message)
    for question in asked:
        _judge_question(verdict, question, answers[question.number])
    key = _asked if in_order else _accepted
    verdict.out_of_order = _out_of_order([one for one in asked if not one.is_deleted and key(one)], answers, key)
    return verdict


def _judge_text(verdict: Verdict, message: Seen) -> None:
    """A message that is no answer, or says besides that it waits."""
    if APOLOGIES.search(message.text):
        verdict.apologies.append(message.text)
    elif not message.numbers or message.is_unfinished or WAITS.search(message.text):
        verdict.placeholders_left.append(message.text)


def _judge_question(verdict: Verdict, question: Question, answers: Sequence[Seen]) -> None:
    number = question.number
    if question.is_deleted:
        if answers:
            verdict.answers_to_deleted_questions.append(number)
        return
    ends = {version for answer in answers for version in answer.whole if version[0] == number}
    if not ends:
        verdict.lost.append(number)
    elif question.newest not in ends:
        verdict.edits_not_followed.append(number)
    if len(answers) > 1:
        verdict.doubled.append(number)
    if any((answer.thread, answer.place) != (question.thread, question.place) for answer in answers):
        verdict.in_the_wrong_thread.append(number)


def _asked(question: Question) -> float:
    return question.at


def _accepted(question: Question) -> float:
    return question.accepted_at


def _out_of_order(
    asked: Iterable[Question], answers: dict[int, list[Seen]], key: Callable[[Question], float]
) -> list[int]:
    """Questions answered before an earlier one of their place, or below a later one's answer.

    Two of the same millisecond (nobody knows times finer than that) may be answered in either order. An answer that was
    made anew keeps its place, and ends when it does.
    """

    def by_time(question: Question) -> tuple[float, int]:
        return key(question), min((answer.order for answer in answers[question.number]), default=0)

    found, last = list[int](), dict[tuple[int, int], tuple[int, float]]()
    for question in sorted(asked, key=by_time):
        is_first_answer = not question.version and not question.redone
        for answer in answers[question.number][:1]:
            order, done_at = last.get((question.thread, question.place), (-1, 0.0))
            is_timed = is_first_answer and answer.is_timed
            if answer.order <= order or (is_timed and answer.done_at < done_at):
                found.append(question.number)
            done_at = answer.done_at if is_timed else done_at
            last[question.thread, question.place] = (answer.order, done_at)
    return found


def late(asked: Sequence[Question]) -> int:
    """How many questions were accepted after a newer one of their place."""
    newest, found = dict[tuple[int, int], int](), 0
    for question in sorted((one for one in asked if one.accepted_at), key=_accepted):
        where = question.thread, question.place
        found += question.number < newest.get(where, 0)
        newest[where] = max(question.number, newest.get(where, 0))
    return found
