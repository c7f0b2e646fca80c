"""The desk of every platform: it checks a question in a fixed order, and returns the verdict.

The operator's lists come first, then whether the bot can answer at this place, then whether the question is empty, then
its length. Duplicates and limits come last, in one step with the saving. An edit goes the same way.
Adapters describe a question by `Asking`, and tell the person the sentences of the verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from glados_bots.conversation import Attachment, Turn
from glados_bots.intake.intake import Intake, Verdict
from glados_bots.store.store import Edited
from glados_bots.wording.sentence import Sentence, say


@dataclass(frozen=True, slots=True)
class Question:
    """The content of a question."""

    text: str = ""  # what the model reads: words and quotes
    attachments: tuple[Attachment, ...] = ()  # the worker reads them. Without text and attachments nothing was asked.
    length: int = 0  # characters of the person's own words. Quotes and files have limits of their own.
    title: str = ""  # the person's own words, from which the thread gets its name


class Asking(Protocol):
    """A question on a platform. The desk takes each step at most once, in this order, until the first refusal.

    Attributes:
        refusal: why the operator's lists refuse this person here; NOTHING if they do not.
        obstacle: what the bot lacks to answer at this place, such as a permission; NOTHING if it lacks nothing.
    """

    @property
    def refusal(self) -> Sentence: ...
    @property
    def obstacle(self) -> Sentence: ...

    async def read(self) -> Question | None:
        """Read the question; None if it was deleted meanwhile."""

    async def turn(self, question: Question) -> Turn:
        """Make the turn to save, and note the facts that must be known before."""

    async def remember(self, turn: Turn, verdict: Verdict) -> None:
        """Note facts after the turn was saved, or refused by a limit."""


class Desk:
    """Checks every question of one platform. Every method raises StoreUnavailableError."""

    def __init__(self, intake: Intake, max_chars: int) -> None:
        self._intake = intake
        self._max_chars = max_chars

    async def ask(self, asking: Asking, *, dedupe: Sequence[str] = (), joins: bool = True) -> Verdict:
        """Check and accept a question. `dedupe` and `joins` are as for `Intake.accept`."""
        question, verdict = await self._check(asking)
        if verdict:
            return verdict
        turn = await asking.turn(question)
        verdict = await self._intake.accept(turn, dedupe=dedupe, joins=joins)
        await asking.remember(turn, verdict)
        return verdict

    async def ask_anew(self, asking: Asking, turn: Turn, message: str, by: str) -> Verdict:
        """Answer an edited question again, unless it has the same text and files as before.

        `turn` is the question as accepted before, `message` the id of the edited message, `by` the person who edited.
        """
        question, verdict = await self._check(asking, before=turn)
        edited = Edited(question.text, question.attachments)
        return verdict or await self._intake.redo(message, by, edited) or Verdict("gone")

    async def ask_again(self, message: str, by: str, refusal: Sentence) -> Verdict:
        """Answer a question again, because `by` wants another answer. `refusal` is as in `Asking`, for that person."""
        if refusal:
            return Verdict("barred", refusal=refusal)
        return await self._intake.redo(message, by) or Verdict("gone", refusal=say("too-old"))

    async def _check(self, asking: Asking, before: Turn | None = None) -> tuple[Question, Verdict | None]:
        """The question, and a verdict if it must not be saved. docs/security.md explains the order."""
        if sentence := asking.refusal or asking.obstacle:
            return Question(), Verdict("barred" if asking.refusal else "blocked", refusal=sentence)
        question = await asking.read()
        if question is None:
            return Question(), Verdict("gone")
        return question, self._of_words(question, before)

    def _of_words(self, question: Question, before: Turn | None) -> Verdict | None:
        if not (question.text or question.attachments):
            return Verdict("empty")
        if before and question.text == before.text and _ids(question.attachments) == _ids(before.attachments):
            return Verdict("duplicate")
        if question.length > self._max_chars:
            return Verdict("too_long", refusal=say("too-long", length=question.length, most=self._max_chars))
        return None


def _ids(attachments: Sequence[Attachment]) -> list[str]:
    return [one.id for one in attachments]
