"""People talk to the bot: mentions, threads, direct messages, group messages, agent and assistant views."""

from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.conftest import Adapter, answered


async def test_a_mention_is_answered_in_its_thread_by_a_stream(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    model.gate.clear()
    async with adapter():
        question = await ada.say(channel, f"{slack.bot.mention} who are you?")
        await slack.wait_for(lambda: slack.ledger.unfinished, what="for a stream")
        model.gate.set()
        (answer,) = await answered(slack, question)
    assert answer.thread_ts == question.ts
    assert answer.content == "Hello world!"
    assert model.prompts[0][-1]["content"] == "who are you?"
    assert [call.method for call in slack.ledger.requests if call.method.endswith("Stream")] == [
        "chat.startStream",
        "chat.stopStream",
    ]
    assert not slack.ledger.refused
