"""The order of checks, on plain data: what is looked at first, what is never done after a refusal, what is told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from glados_bots.conversation import Attachment, Turn
from glados_bots.intake.desk import Desk, Question
from glados_bots.intake.intake import Intake, Verdict
from glados_bots.store.store import Edited
from glados_bots.wording.sentence import NOTHING, Sentence, say

TURN = Turn("t1", "c", "ada", "why?")
LATER = say("queue-full", count=1)
NOT_YOU, LACKING = say("not-for-you"), say("needs-end-of-timeout")
GOOD = Question("why?", (), 4)
LONG = Question("why?" * 9, length=36)
LIMIT = Verdict("refused", refusal=LATER, is_repeat=True)


class Asked:
    """A question that writes down which of its steps were taken."""

    def __init__(
        self, question: Question | None = GOOD, refusal: Sentence = NOTHING, obstacle: Sentence = NOTHING
    ) -> None:
        self.steps: list[str] = []
        self._question = question
        self._refusal = refusal
        self.obstacle = obstacle

    @property
    def refusal(self) -> Sentence:
        return self._refusal

    async def read(self) -> Question | None:
        self.steps.append("read")
        return self._question

    async def turn(self, question: Question) -> Turn:
        assert question == self._question
        self.steps.append("turn")
        return TURN

    async def remember(self, turn: Turn, verdict: Verdict) -> None:
        assert turn == TURN
        self.steps.append(f"remember {verdict.status}")


class Saving:
    """Stands for the intake: what is saved, and with what outcome."""

    def __init__(self, verdict: Verdict | None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._verdict = verdict

    async def accept(self, turn: Turn, *, dedupe: Sequence[str], joins: bool) -> Verdict | None:
        self.calls.append((turn.id, tuple(dedupe), joins))
        return self._verdict

    async def redo(self, message: str, by: str, edited: Edited | None = None) -> Verdict | None:
        self.calls.append((message, by, edited))
        return self._verdict


def desk(verdict: Verdict | None = Verdict("accepted")) -> tuple[Desk, Saving]:  # noqa: B008 - frozen
    saving = Saving(verdict)
    return Desk(cast("Intake", saving), 10), saving


@pytest.mark.parametrize(
    ("asked", "status", "told", "steps"),
    [
        (Asked(LONG, NOT_YOU, LACKING), "barred", NOT_YOU, []),
        (Asked(LONG, NOTHING, LACKING), "blocked", LACKING, []),
        (Asked(None), "gone", NOTHING, ["read"]),
        (Asked(Question(length=99)), "empty", NOTHING, ["read"]),
        (Asked(LONG), "too_long", say("too-long", length=36, most=10), ["read"]),
    ],
)
async def test_lists_come_before_the_place_the_words_and_their_length_and_nothing_is_saved(
    asked: Asked, status: str, told: Sentence, steps: list[str]
) -> None:
    for known in (None, TURN):
        asked.steps.clear()
        way, saving = desk()
        verdict = await (way.ask_anew(asked, known, "m", "ada") if known else way.ask(asked))
        assert (verdict.status, verdict.refusal, asked.steps, saving.calls) == (status, told, steps, [])


async def test_what_is_asked_is_saved_once_and_remembered_with_its_verdict() -> None:
    (way, saving), asked = desk(), Asked()
    verdict = await way.ask(asked, dedupe=["event:1"], joins=False)
    assert verdict == Verdict("accepted")
    assert asked.steps == ["read", "turn", "remember accepted"]
    assert saving.calls == [("t1", ("event:1",), False)]


async def test_limits_come_last_and_what_they_refused_is_remembered_too() -> None:
    (way, _), asked = desk(LIMIT), Asked()
    verdict = await way.ask(asked)
    assert (verdict.refusal, verdict.is_repeat) == (LATER, True)
    assert asked.steps == ["read", "turn", "remember refused"]


async def test_files_and_quotes_do_not_count_as_length() -> None:
    way, _ = desk()
    assert (await way.ask(Asked(Question("x" * 500, length=10)))).status == "accepted"


@pytest.mark.parametrize(
    ("text", "outcome", "status", "calls"),
    [
        ("why?", Verdict("accepted"), "duplicate", []),  # the model would read what it has read
        ("how?", Verdict("accepted"), "accepted", [("m", "ada", Edited("how?"))]),
        ("how?", LIMIT, "refused", [("m", "ada", Edited("how?"))]),
        ("how?", None, "gone", [("m", "ada", Edited("how?"))]),
    ],
)
async def test_an_edit_asks_anew_only_with_another_text(
    text: str, outcome: Verdict | None, status: str, calls: list[tuple[object, ...]]
) -> None:
    (way, saving), asked = desk(outcome), Asked(Question(text, length=4))
    assert (await way.ask_anew(asked, TURN, "m", "ada")).status == status
    assert saving.calls == calls
    assert asked.steps == ["read"]


async def test_files_alone_are_a_question_and_another_file_makes_another_question() -> None:
    (way, saving), file = desk(), Attachment("f1", "a.png", source={"url": "https://one.example"})
    assert (await way.ask(Asked(Question("", (file,))))).status == "accepted"
    known = replace(TURN, attachments=(file,))
    signed_anew = replace(file, source={"url": "https://another.example"})
    assert (await way.ask_anew(Asked(Question("why?", (signed_anew,))), known, "m", "ada")).status == "duplicate"
    assert (await way.ask_anew(Asked(Question("why?")), known, "m", "ada")).status == "accepted"
    assert saving.calls[-1] == ("m", "ada", Edited("why?"))


async def test_another_answer_is_for_those_whom_the_lists_allow_and_for_what_is_kept() -> None:
    way, saving = desk(None)
    assert await way.ask_again("m", "bob", NOT_YOU) == Verdict("barred", refusal=NOT_YOU)
    assert saving.calls == []
    assert await way.ask_again("m", "bob", NOTHING) == Verdict("gone", refusal=say("too-old"))
