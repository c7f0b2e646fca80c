"""What is said to the bot, and what people say to each other around it: live, and by an edit."""

import re

import pytest

from glados_bots.intake.addressing import YOUNG_S
from glados_bots.wording.sentence import say
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.conftest import Adapter, answered, is_complete, read

NO_QUESTION = say("no-question-example", command=say("example-command", command="/glados ask"))


async def test_mending_a_letter_in_what_was_said_before_the_bot_was_called_in_asks_nothing(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        root = await ada.say(channel, "shall we?")
        reply = await bob.say(channel, "why nott?", thread=root)
        await ada.say(channel, f"{slack.bot.mention} who is right?", thread=root)
        await answered(slack, root)
        await bob.edit(reply, "why not?")
        await ada.edit(root, "shall we, then?")
        await bob.edit(reply, f"{slack.bot.mention} why not?")  # it was not said to the bot when it was said
        await slack.settled()
        await ada.say(channel, "and now?", thread=root)
        await answered(slack, root, 2)
    assert len(model.prompts) == 2


async def test_a_message_to_somebody_else_is_made_a_question_by_a_mention_only(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        root = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, root)
        other = await ada.say(channel, f"{bob.mention} look", thread=root)
        await ada.edit(other, "look")
        await slack.settled()
        assert len(model.prompts) == 1
        await ada.edit(other, f"{slack.bot.mention} look")
        await answered(slack, root, 2)
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["hi", "look"]


async def test_what_was_said_before_the_bot_was_called_in_asks_nothing_when_it_is_delivered_late(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        root = await ada.say(channel, "shall we?")
        slack.delivery.hold()
        await bob.say(channel, "why not?", thread=root)
        await ada.say(channel, f"{slack.bot.mention} who is right?", thread=root)
        slack.delivery.release(lambda held: held[::-1])
        await answered(slack, root)
        await slack.settled()
        await bob.say(channel, "and now?", thread=root)
        await answered(slack, root, 2)
    assert len(model.prompts) == 2


async def test_what_was_said_before_a_mention_was_edited_in_asks_nothing(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        root = await ada.say(channel, "what is cake?")
        reply = await bob.say(channel, "a ly", thread=root)
        await ada.edit(root, f"{slack.bot.mention} what is cake?")
        await answered(slack, root)
        await bob.edit(reply, "a lie")
        await slack.settled()
        await bob.say(channel, "is it?", thread=root)
        await answered(slack, root, 2)
    assert [prompt[-1]["content"].rpartition(": ")[2] for prompt in model.prompts] == ["what is cake?", "is it?"]


@pytest.mark.parametrize("leaves_out_before", [False, True])
async def test_an_old_message_is_made_a_question_by_no_edit(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, leaves_out_before: bool
) -> None:
    slack.world.telling.leaves_out_before = leaves_out_before
    slack.delivery.retry_delays_s = ()
    old = [await ada.say(channel, "what is cake?"), await ada.say(channel, f"{slack.bot.mention} what is pie?")]
    direct = await ada.dm("old")
    await slack.settled()  # nobody has heard of these
    slack.clock.advance(YOUNG_S + 60)
    async with adapter(catch_up_minutes=0):
        await answered(slack, await ada.say(channel, f"{slack.bot.mention} new"))
        for one in old:
            await ada.edit(one, f"{slack.bot.mention} mended")
        await ada.edit(direct, "mended")
        await slack.settled()
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["new"]
    assert len(slack.answers()) == 1


async def test_who_calls_others_in_a_thread_does_not_call_the_bot(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    bob = slack.add_user("bob")
    async with adapter():
        root = await ada.say(channel, f"{slack.bot.mention} hi")
        await answered(slack, root)
        for text in (
            "<!subteam^S1|@oncall> can one of you look?",
            "<!here> look",
            "I ask <!channel>",
            f"or {bob.mention}",
        ):
            await ada.say(channel, text, thread=root)
        await ada.say(channel, files=[("cat.png", "image/png", b"\x89PNG\0")], thread=root)
        await ada.say(channel, "\u200b\u2060", thread=root)
        await ada.say(channel, f"<!here> {slack.bot.mention} sums up", thread=root)
        await answered(slack, root, 2)
        await slack.settled()
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["hi", "@here @GLaDOS sums up"]
    assert len(slack.answers(channel)) == 2


async def test_a_mention_followed_by_what_nobody_can_see_gets_help(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} \u200b\u2800\ufe0f")
        (help_text,) = await answered(slack, question, ends=False)
        assert help_text.content == read(say("how-to-ask-slack", help="`/glados help`"))
        command = await ada.run(channel, "/glados", "ask\n\u200b")
        await slack.wait_for(lambda: command.messages)
        assert slack.ledger.of(command.messages[0]).content == read(NO_QUESTION)
    assert not model.prompts


async def test_what_people_say_of_themselves_directly_is_answered(
    slack: FakeSlack, adapter: Adapter, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        await answered(slack, await ada.me(ada.direct, "wonders why"))
    assert model.prompts[0][-1]["content"] == "wonders why"


async def test_an_edited_question_keeps_what_was_said_before_it(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    root = await ada.say(channel, "The cake is a lie")
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} tru?", thread=root)
        await answered(slack, root)
        await ada.edit(question, f"{slack.bot.mention} true?")
        await slack.wait_for(lambda: len(model.prompts) == 2)
        await slack.wait_for(lambda: all(is_complete(one) for one in slack.answers(thread=root)))
    asked = [prompt[-1]["content"] for prompt in model.prompts]
    earlier = "Earlier in this thread:\n> ada: The cake is a lie\n\n"
    assert asked == [f"{earlier}tru?", f"{earlier}true?"]


@pytest.mark.parametrize("is_limited", [False, True])
async def test_of_a_thread_that_is_told_in_pages_the_newest_messages_are_read_or_none(
    slack: FakeSlack, *, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel, is_limited: bool
) -> None:
    if is_limited:
        slack.restrict_history()
    slack.app.is_restricted = True
    root = await ada.say(channel, "message 0")
    for number in range(1, 40):
        await ada.say(channel, f"message {number}", thread=root)
    async with adapter(thread_context=3, catch_up_minutes=0):
        await ada.say(channel, f"{slack.bot.mention} sum up", thread=root)
        await answered(slack, root)
    asked = model.prompts[0][-1]["content"]
    assert re.findall(r"message (\d+)", asked) == ([] if is_limited else ["37", "38", "39"])
