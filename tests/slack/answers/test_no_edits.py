"""Not every change of a message is an edit of its words: previews and pins are told in the same way."""

from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.conftest import Adapter, answered, is_complete


async def test_previews_and_pins_are_not_answered_again(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    async with adapter():
        for leaves_out_before in (False, True):
            slack.world.telling.leaves_out_before = leaves_out_before
            question = await ada.say(channel, f"{slack.bot.mention} what is https://lemon.example?")
            await answered(slack, question)
            await slack.preview(question, "https://lemon.example")
            await ada.pin(question)
            await ada.unpin(question)
            await slack.settled()
            # What is asked later, in a thread of its own, is taken in after all that.
            await answered(slack, await ada.say(channel, f"{slack.bot.mention} and now?"))
    asked = [prompt[-1]["content"] for prompt in model.prompts]
    assert asked == ["what is https://lemon.example?", "and now?"] * 2
    assert len(slack.answers(channel)) == 4


async def test_an_edit_told_without_what_was_before_is_answered_again_only_if_its_words_changed(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.world.telling.leaves_out_before = True
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} what is cake?")
        await answered(slack, question)
        await ada.edit(question, f"{slack.bot.mention} what is cake?")
        await slack.preview(question, "https://cake.example")  # the edit stays at the message
        await ada.pin(question)
        await slack.settled()
        await ada.edit(question, f"{slack.bot.mention} what is pie?")
        await slack.wait_for(lambda: len(model.prompts) >= 2)
        await slack.wait_for(lambda: all(is_complete(one) for one in slack.answers(thread=question)))
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["what is cake?", "what is pie?"]
    assert len(slack.answers(channel)) == 1
