"""A question keeps the language in which it was taken in, and Slack is asked for that language once."""

import asyncio

import pytest

from glados_bots.wording.sentence import say
from glados_slack.connection import people
from glados_slack.incoming import catch_up, facts
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, MessageRecord, Person
from tests.slack.conftest import Adapter, answered, is_end
from tests.slack.languages.test_beside_answers import bert, label, notices, texts_of_buttons

__all__ = ["bert"]
REDO, STOP, NEXT = label("button-redo"), label("button-stop"), label("queued-next")


def asked_for(slack: FakeSlack, person: Person) -> int:
    """How often Slack was asked who somebody is."""
    return len([call for call in slack.ledger.calls("users.info") if call.args["user"] == person.id])


def is_german(record: MessageRecord) -> bool:
    return REDO in texts_of_buttons(record)


async def test_an_edited_question_and_a_second_answer_keep_it(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person, model: ScriptedModel
) -> None:
    async with adapter():
        question = await bert.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
    slack.team.installation.scopes -= {"users:read"}  # from now on nobody tells
    async with adapter():
        model.pieces = ["Edited."]
        await bert.edit(question, f"{slack.bot.mention} hello")
        await slack.wait_for(lambda: answer.content == "Edited." and is_end(answer))
        assert is_german(answer)
        model.pieces = ["Again."]
        await bert.click(slack.message(answer), REDO)
        await slack.wait_for(lambda: answer.content == "Again." and is_end(answer))
        assert is_german(answer)


async def test_a_turn_and_those_that_wait_behind_it_keep_it_in_another_process(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person, model: ScriptedModel
) -> None:
    model.gate.clear()
    async with adapter(core={"grace": 0}):
        question = await bert.say(channel, f"{slack.bot.mention} one")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        await bert.say(channel, "two", thread=question)
        await slack.wait_for(lambda: notices(slack, NEXT))
        assert texts_of_buttons(notices(slack, NEXT)[0]) == [STOP]
    slack.team.installation.scopes -= {"users:read"}
    model.gate.set()
    async with adapter():
        found = await answered(slack, question, 2)
        assert [is_german(one) for one in found] == [True, True]


async def test_a_question_of_a_gap_is_answered_in_it(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "GAP_MS", 0)
    monkeypatch.setattr(catch_up, "EVERY_S", 0.05)
    slack.delivery.retry_delays_s = ()
    async with adapter():
        await answered(slack, await bert.say(channel, f"{slack.bot.mention} before"))
    missed = await bert.say(channel, f"{slack.bot.mention} missed")
    await slack.settled()
    assert slack.delivery.lost
    async with adapter():
        (answer,) = await answered(slack, missed)
        assert is_german(answer)


async def test_slack_is_asked_once_for_a_person_however_much_they_do(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, bert: Person
) -> None:
    slack.delivery.repeat(1)
    async with adapter():
        questions = [await one.say(channel, f"{slack.bot.mention} hi") for one in (bert, ada, bert, ada, bert)]
        for question in questions:
            await answered(slack, question)
        await bert.open_home()
        await slack.wait_for(lambda: slack.world.views)
        command = await bert.run(channel, "/glados", "usage")
        await slack.wait_for(lambda: command.messages)
    assert [asked_for(slack, one) for one in (ada, bert)] == [1, 1]


async def test_it_is_asked_for_again_after_a_while(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "REMEMBERED_S", 0.0)
    assert people.FAILED_S < 3600
    async with adapter():
        await answered(slack, await bert.say(channel, f"{slack.bot.mention} hi"))
        bert.locale = "ja-JP"
        monkeypatch.setattr(people, "REMEMBERED_S", 3600.0)
        (answer,) = await answered(slack, await bert.say(channel, f"{slack.bot.mention} hi"))
        assert say("button-redo").in_language("ja") in texts_of_buttons(answer)


async def test_an_answer_does_not_wait_for_a_slow_slack_which_counts_for_the_next_one(
    slack: FakeSlack, adapter: Adapter, bert: Person
) -> None:
    """Nor is a slow call made twice."""
    slow = slack.faults.add(method="users.info", delay_s=15 - 1)
    async with adapter(core={"language": "fr"}):
        (answer,) = await answered(slack, await bert.dm("hi"))
        assert say("button-redo").in_language("fr") in texts_of_buttons(answer)
        assert slow.hits == 1
        slack.clock.advance(15)
        while not is_german((await answered(slack, await bert.dm("and now?")))[0]):
            await asyncio.sleep(0.05)
    assert asked_for(slack, bert) == 1


@pytest.mark.parametrize("trouble", ["limited", "failing"])
async def test_where_slack_does_not_tell_the_operators_language_is_used_for_a_while(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, bert: Person, trouble: str
) -> None:
    fault = slack.faults.add(method="users.info", status={"limited": 429, "failing": 500}[trouble], times=None)
    async with adapter(core={"language": "fr"}):
        for _ in range(3):
            (answer,) = await answered(slack, await bert.say(channel, f"{slack.bot.mention} hi"))
            assert say("button-redo").in_language("fr") in texts_of_buttons(answer)
        assert fault.hits == 1
