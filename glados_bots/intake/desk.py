"""The front desk of every platform: in which order a question is checked, and what became of it.

The operator's lists come first, then whether the bot can answer at this place at all, then whether anything is asked,
how long it is, and at last, with the saving and in one step with it, duplicates and limits. An edit goes the same way.
Adapters say what they know of a question (`Asking`), and tell the person what the verdict says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from glados_bots.conversation import Turn
from glados_bots.intake.intake import Intake, Verdict
from glados_bots.wording.sentence import NOTHING, Sentence, say


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked."""

    text: str = ""  # what the model reads: words with quotes and files. Empty when there is nothing to answer.
    left_out: Sentence = NOTHING  # about what was not read
    length: int = 0  # characters of what the person says. Quotes and files have bounds of their own.
    title: str = ""  # what the person wrote, to name the place of the answer by


class Asking(Protocol):
    """A question on a platform. The desk takes each step at most once, in this order, and stops at the first refusal.

    Attributes:
        refusal: why the operator's lists are against an answer to this person here.
        obstacle: what the bot lacks to answer at this place.
    """

    @property
    def refusal(self) -> Sentence: ...
    @property
    def obstacle(self) -> Sentence: ...

    async def read(self) -> Question | None:
        """What is asked; None when the question does not stand any more."""

    async def turn(self, question: Question) -> Turn:
        """The turn that is to be saved; what must be known of it before that is noted."""

    async def remember(self, turn: Turn, verdict: Verdict) -> None:
        """The turn was saved, or a limit refused it."""


class Desk:
    """The way of every question of one platform. Every method raises StoreUnavailableError."""

    def __init__(self, intake: Intake, max_chars: int) -> None:
        self._intake = intake
        self._max_chars = max_chars

    async def ask(self, asking: Asking, *, dedupe: Sequence[str] = (), joins: bool = True) -> Verdict:
        """Take a question in; `dedupe` and `joins` as for `Intake.accept`."""
        question, verdict = await self._check(asking)
        if verdict:
            return verdict
        turn = await asking.turn(question)
        verdict = await self._intake.accept(turn, dedupe=dedupe, joins=joins)
        await asking.remember(turn, verdict)
        return replace(verdict, left_out=question.left_out)

    async def ask_anew(self, asking: Asking, turn: Turn, message: str, by: str) -> Verdict:
        """A question was edited: answer it again, unless the model would read what it has read.

        `turn` is the question as it was taken in, `message` what was edited of it, `by` whom.
        """
        question, verdict = await self._check(asking, before=turn.text)
        return verdict or await self._intake.redo(message, by, question.text) or Verdict("gone")

    async def ask_again(self, message: str, by: str, refusal: Sentence) -> Verdict:
        """Somebody wants another answer; `refusal` as in `Asking`, for that person."""
        if refusal:
            return Verdict("barred", refusal=refusal)
        return await self._intake.redo(message, by) or Verdict("gone", refusal=say("too-old"))

    async def _check(self, asking: Asking, before: str | None = None) -> tuple[Question, Verdict | None]:
        """The question, and the verdict if it is not even to be saved. The order is policy: docs/security.md."""
        if sentence := asking.refusal or asking.obstacle:
            return Question(), Verdict("barred" if asking.refusal else "blocked", refusal=sentence)
        question = await asking.read()
        if question is None:
            return Question(), Verdict("gone")
        return question, self._of_words(question, before)

    def _of_words(self, question: Question, before: str | None) -> Verdict | None:
        if not question.text:
            return Verdict("empty", left_out=question.left_out)
        if question.text == before:
            return Verdict("duplicate")
        if question.length > self._max_chars:
            return Verdict("too_long", refusal=say("too-long", length=question.length, most=self._max_chars))
        return None
