"""Questions that are deleted lose their answers, whatever dies, fails or comes in another order meanwhile."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from glados_bots.conversation import Turn
from glados_bots.intake.intake import Intake, Verdict
from glados_bots.settings import Settings
from glados_bots.surface import PlatformAwayError, View
from glados_bots.turns import insistence
from glados_bots.wording.sentence import say
from glados_slack.answers.answer import chunk_of
from glados_slack.answers.loose_ends import LINE
from glados_slack.answers.surface import SlackSurface
from glados_slack.connection.heard_changes import HeardChanges
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.fakes.slack.delivery.delivery import Held
from tests.slack.answers.test_waiting import surfaces, turn
from tests.slack.conftest import Adapter, answered, is_end

__all__ = ["turn"]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for Slack looks often."""
    monkeypatch.setattr(insistence, "LONGEST_WAIT_S", 0.05)


async def test_the_beginning_of_an_answer_to_a_deleted_question_goes_though_its_process_died(
    slack: FakeSlack, settings: Settings, turn: Turn
) -> None:
    """The stream is still open, and the next process knows its id only."""
    async with surfaces(slack, settings, 2) as (before, after):
        post = await begin(before, turn)
        assert slack.ledger.unfinished
        await after.remove(turn, post)
    assert not slack.answers()
    assert not slack.ledger.unfinished


async def test_a_stream_whose_id_died_with_its_process_goes_with_its_deleted_question(
    slack: FakeSlack, settings: Settings, turn: Turn
) -> None:
    slack.faults.add(method="chat.startStream", drop=True, after_commit=True)
    async with surfaces(slack, settings, 2) as (before, after):
        with pytest.raises(PlatformAwayError):
            await begin(before, turn)
        assert slack.ledger.unfinished
        await before._store.accept(turn)
        await before._store.change(turn.id, "delete")
        await after.remove(turn, LINE)
    assert not slack.answers()


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_message_is_found_by_its_name(
    slack: FakeSlack, settings: Settings, turn: Turn, *, is_told: bool
) -> None:
    """Its process died before it could note it, or before it was told that it stands."""
    if not is_told:
        slack.faults.add(method="chat.startStream", drop=True, after_commit=True)
    async with surfaces(slack, settings, 2) as (before, after):
        with nullcontext() if is_told else pytest.raises(PlatformAwayError):
            await begin(before, turn)
        (record,) = slack.answers()
        assert await after.find(turn, "name") == record.ts
        assert await after.find(turn, "other") is None


async def test_a_message_that_slack_never_deletes_loses_its_words(
    slack: FakeSlack, settings: Settings, turn: Turn
) -> None:
    slack.faults.add(method="chat.delete", error="compliance_exports_prevent_deletion", times=None)
    async with surfaces(slack, settings, 1) as (only,):
        await only.remove(turn, await begin(only, turn))
    (answer,) = slack.answers()
    assert answer.content == str(say("removed"))


async def test_an_answer_to_a_deleted_question_goes_when_slack_lets_it(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person
) -> None:
    """More calls fail than a turn has tries."""
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, question)
        fault = slack.faults.add(method="chat.delete", error="fatal_error", times=None)
        await ada.delete(question)
        await slack.wait_for(lambda: fault.hits > 3 * insistence.TRIES)
        slack.faults.remove(fault)
        await slack.wait_for(lambda: not slack.answers(channel))


async def test_a_question_whose_deletion_was_delivered_first_is_not_answered(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        for of_a_thread in (False, True):
            thread = await ada.say(channel, "root") if of_a_thread else None
            slack.delivery.hold()
            question = await ada.say(channel, f"{slack.bot.mention} never mind", thread=thread)
            await ada.delete(question)
            slack.delivery.release(lambda held: held[::-1])
            await slack.settled()
        other = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, other)
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["hi"]
    assert len(slack.answers(channel)) == 1


async def test_a_deletion_heard_while_its_question_is_taken_in_counts(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process hears of it, after this one has looked for it."""
    accept = Intake.accept

    async def late(intake: Intake, turn: Turn, **more: Any) -> Verdict:
        await HeardChanges(intake._store).delete(turn.id)
        return await accept(intake, turn, **more)

    monkeypatch.setattr(Intake, "accept", late)
    async with adapter():
        await ada.say(channel, f"{slack.bot.mention} never mind")
        await slack.settled()
    assert not slack.answers(channel)


@pytest.mark.parametrize("order", [(1, 0), (2, 0, 1), (0, 2, 1), (1, 2, 0)], ids=str)
async def test_the_newest_edit_counts_in_whatever_order_they_are_delivered(
    slack: FakeSlack, *, adapter: Adapter, ada: Person, model: ScriptedModel, order: Sequence[int]
) -> None:
    def sort(held: list[Held]) -> list[Held]:
        return [held[number] for number in order]

    async with adapter():
        slack.delivery.hold()
        question = await ada.dm("first")
        for text in ("second", "third")[: len(order) - 1]:
            await ada.edit(question, text)
        slack.delivery.release(sort)
        await slack.settled()
        await answered(slack, question)
        await slack.wait_for(lambda: all(is_end(one) for one in slack.answers(thread=question)))
    assert model.prompts[-1][-1]["content"] == ("second" if len(order) == 2 else "third")
    assert len(slack.answers()) == 1


async def test_an_edit_that_comes_while_another_process_takes_the_question_in_is_followed(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that hears of the edit does not know the question yet; when it takes it in, another has done so."""
    accept = Intake.accept

    async def late(intake: Intake, turn: Turn, **more: Any) -> Verdict:
        if turn.text == "right":
            monkeypatch.setattr(Intake, "accept", accept)
            await accept(intake, replace(turn, text="wrong"))
        return await accept(intake, turn, **more)

    monkeypatch.setattr(Intake, "accept", late)
    async with adapter():
        slack.delivery.hold()
        question = await ada.dm("wrong")
        await ada.edit(question, "right")
        slack.delivery.release(lambda held: held[::-1])
        await answered(slack, question)
        await slack.wait_for(lambda: model.prompts[-1][-1]["content"] == "right")
        await answered(slack, question)


async def test_the_newest_question_is_the_one_that_was_asked_last(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    """Slack delivers an earlier one late, so its answer stands below; an edit of the newest is followed still."""
    async with adapter():
        root = await ada.say(channel, f"{slack.bot.mention} root")
        await answered(slack, root)
        slack.delivery.hold()
        await ada.say(channel, "early", thread=root)
        newest = await ada.say(channel, "late", thread=root)
        held = slack.delivery._held or []
        slack.delivery.release(lambda _: held[1:])
        await answered(slack, root, 2)
        slack.delivery.publish(held[0])
        await answered(slack, root, 3)
        await ada.edit(newest, "latest")
        await slack.wait_for(lambda: model.prompts[-1][-1]["content"] == "latest")
        await answered(slack, root, 3)
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["root", "late", "early", "latest"]


async def test_who_has_deleted_a_question_is_not_told_that_it_cannot_be_answered(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    """Slack delivers the deletion late, or never."""
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} never mind")
        await slack.wait_for(model.reached.is_set)
        slack.delivery.hold()
        await ada.delete(question)
        model.gate.set()
        looks = slack.ledger.calls("conversations.replies")
        await slack.wait_for(lambda: len(slack.ledger.calls("conversations.replies")) > len(looks))
        slack.delivery.release()
        await slack.settled()
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} other"))
    assert len([one for one in slack.answers() if one.content]) == 1


async def begin(surface: SlackSurface, turn: Turn) -> str:
    """Post the first words of an answer, as a stream."""
    surface.answer(turn)
    return await surface.post(turn, View(chunk_of("beginning").encode(), "", "writing", is_last=True), "name")
