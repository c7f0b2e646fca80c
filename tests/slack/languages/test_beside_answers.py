"""What stands beside an answer is in the language of the person who asked, as their Slack tells it."""

import pytest

from glados_bots.wording.sentence import Sentence, say
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, JsonObject, MessageRecord, Person
from tests.fakes.slack.blocks.content import walk
from tests.fakes.slack.blocks.elements import clickable
from tests.slack.conftest import Adapter, answered, is_end, told


def german(said: Sentence) -> str:
    return said.in_language("de")


def label(name: str) -> str:
    return german(say(name))


def texts_of_buttons(record: MessageRecord) -> list[str]:
    """What stands on the buttons below a message."""
    return [element["text"]["text"] for element in clickable(list(record.blocks))]


def read_out(record: MessageRecord) -> list[str]:
    """What a screen reader says of its buttons."""
    return [part["accessibility_label"] for part in walk(list(record.blocks)) if "accessibility_label" in part]


@pytest.fixture
def bert(slack: FakeSlack, channel: Channel) -> Person:
    assert channel.team is slack.team
    return slack.add_user("bert", locale="de-DE")


async def test_the_status_line_the_buttons_and_the_votes(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person
) -> None:
    async with adapter():
        question = await bert.say(channel, f"{slack.bot.mention} hi")
        (answer,) = await answered(slack, question)
    assert slack.ledger.statuses[0].text == label("status-is-thinking")
    assert texts_of_buttons(answer) == [
        label("good-answer"),
        label("bad-answer"),
        label("button-redo"),
        label("as-file"),
    ]
    assert read_out(answer) == [label("good-answer-label"), label("bad-answer-label")]
    assert not slack.ledger.refused


async def test_everybody_reads_the_answer_to_their_own_question_in_their_own_language(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, bert: Person
) -> None:
    async with adapter():
        for person, language in ((ada, "en"), (bert, "de"), (slack.add_user("chloe", locale="fr-FR"), "fr")):
            (answer,) = await answered(slack, await person.say(channel, f"{slack.bot.mention} hi"))
            assert say("button-redo").in_language(language) in texts_of_buttons(answer)


async def test_the_notice_of_a_waiting_question_and_the_button_that_stops_it(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, bert: Person, *, model: ScriptedModel
) -> None:
    """The first question is an English one; each waiting one is told of in the language of who asked it."""
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} one")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        await bert.say(channel, "two", thread=question)
        await bert.say(channel, "three", thread=question)
        for notice in (say("queued-next"), say("queued", count=2)):
            await slack.wait_for(lambda: notices(slack, german(notice)), what=german(notice))  # noqa: B023
            (waits,) = notices(slack, german(notice))
            assert texts_of_buttons(waits) == [label("button-stop")]
        model.gate.set()
        await answered(slack, question, 3)


def notices(slack: FakeSlack, text: str) -> list[MessageRecord]:
    return [one for one in slack.answers() if text in one.content]


async def test_the_small_print_under_a_stopped_answer(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person, model: ScriptedModel
) -> None:
    slack.app.agent = ""
    model.gate.clear()
    async with adapter():
        question = await bert.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        (record,) = slack.answers(thread=question)
        await bert.click(slack.message(record), label("button-stop"))
        await slack.wait_for(lambda: is_end(record) and german(say("stopped")) in record.content)
        model.gate.set()


async def test_the_apology_for_a_failure_and_its_button(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person, model: ScriptedModel
) -> None:
    model.refusal = "no such thing"
    async with adapter():
        (answer,) = await answered(slack, await bert.say(channel, f"{slack.bot.mention} hi"))
    reason = say("server-rejects", status="400")
    assert german(say("cannot-answer", reason=reason)) in answer.content
    assert texts_of_buttons(answer) == [label("button-retry")]


async def test_a_model_that_is_not_reachable_is_said_in_the_status_line(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person
) -> None:
    waits = german(say("status-is-waiting", notice=german(say("model-unreachable"))))
    async with adapter(core={"inference_url": "http://127.0.0.1:9/v1"}):
        question = await bert.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: slack.ledger.status(channel.id, question.ts) == waits)
        await bert.delete(question)
        await slack.wait_for(lambda: slack.ledger.calls("assistant.threads.setStatus")[-1].args["status"] == "")


async def test_whispers_and_help_are_in_the_language_of_who_is_told(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, bert: Person
) -> None:
    async with adapter(core={"message_max_chars": 100}):
        (how,) = await answered(slack, await bert.say(channel, slack.bot.mention), ends=False)
        assert how.content == german(say("how-to-ask-slack", help="/glados help"))
        await bert.say(channel, f"{slack.bot.mention} {'x' * 101}")
        await told(slack, bert, say("too-long", length=101, most=100), "de")
        (answer,) = await answered(slack, await ada.say(channel, f"{slack.bot.mention} hi"))
        await bert.click(slack.message(answer), str(say("button-redo")))
        await told(slack, bert, say("not-yours-slack"), "de")
    async with adapter(denied_users=bert.id):
        await bert.dm("hi")
        await told(slack, bert, say("not-for-you"), "de")


async def test_who_cannot_be_answered_is_told_why_in_their_language(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person, model: ScriptedModel
) -> None:
    model.gate.clear()
    async with adapter():
        await bert.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(model.reached.is_set)
        channel.is_archived = True
        model.gate.set()
        await told(slack, bert, say("could-not-answer-you", reason=say("slack-archived")), "de")


async def test_what_slack_takes_in_no_form_is_cut_with_a_word_in_their_language(
    slack: FakeSlack, adapter: Adapter, channel: Channel, bert: Person, model: ScriptedModel
) -> None:
    slack.faults.add(method="chat.update", error="invalid_blocks", times=2)
    model.pieces = ["word ", "word " * 1200]
    model.gate.clear()
    async with adapter():
        question = await bert.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        model.gate.set()
        await slack.wait_for(lambda: notices(slack, label("slack-cut")))
    assert len(slack.answers(thread=question)) == 1


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("pt-BR", "pt-BR"),
        ("ja-JP", "ja"),
        ("zh-CN", "zh-CN"),
        ("es-LA", "es"),
        ("en-GB", "en"),
        ("zh-TW", ""),
        ("", ""),
    ],
)
async def test_slacks_own_names_of_languages(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, locale: str, language: str
) -> None:
    """Where we do not have a language, the operator's is used."""
    person = slack.add_user("person", locale=locale)
    async with adapter(core={"language": "de"}):
        (answer,) = await answered(slack, await person.say(channel, f"{slack.bot.mention} hi"))
    assert say("button-redo").in_language(language or "de") in texts_of_buttons(answer)


async def test_without_the_right_to_know_people_the_operators_language_is_used(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.team.installation.scopes -= {"users:read"}
    async with adapter(core={"language": "fr"}):
        (answer,) = await answered(slack, await ada.say(channel, f"{slack.bot.mention} hi"))
        assert say("button-redo").in_language("fr") in texts_of_buttons(answer)
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} again"))
    asked: list[JsonObject] = [call.args for call in slack.ledger.calls("users.info")]
    assert len(asked) == 1, "what Slack refuses to tell is not asked again"
    assert len(model.prompts) == 2
