"""`glados slack` as a process of its own: killed, told to end, and twice at the same time."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from glados_bots.settings import Settings
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Person
from tests.slack.conftest import answered, is_end
from tests.waiting import LONGEST_S

Started = AbstractAsyncContextManager[asyncio.subprocess.Process]
Start = Callable[..., Started]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def glados(slack: FakeSlack, settings: Settings) -> Start:
    """Starts `glados slack`, with nothing but variables; each gets two more connections."""
    own = slack.settings
    assert settings.redis_url
    env = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'adapters'}",
        "GLADOS_SLACK_BOT_TOKEN": own.bot_token,
        "GLADOS_SLACK_APP_TOKEN": own.app_token,
        "GLADOS_SLACK_API_BASE": own.api_base,
        "GLADOS_REDIS_URL": settings.redis_url.get_secret_value(),
        "GLADOS_INFERENCE_URL": str(settings.inference_url),
        "GLADOS_LEASE": "2",
        "GLADOS_JOIN_WINDOW": "0",
        "SLACK_CLIENT_ID": "somebody-elses",
        "SLACK_CLIENT_SECRET": "somebody-elses",
    }

    @asynccontextmanager
    async def start(**more: str) -> AsyncIterator[asyncio.subprocess.Process]:
        before = len(slack.sockets.connections)
        command = (sys.executable, "-m", "glados_bots", "slack")
        process = await asyncio.create_subprocess_exec(*command, env={**env, **more}, cwd="/")
        try:
            await slack.wait_for(lambda: len(slack.sockets.connections) >= before + 2)
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), LONGEST_S)

    return start


async def test_an_answer_is_finished_in_the_same_message_after_kill_9(
    slack: FakeSlack, glados: Start, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    model.gate.clear()
    async with glados() as process:
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        process.kill()
        await process.wait()
    (orphan,) = slack.ledger.unfinished
    model.gate.set()
    async with glados():
        (answer,) = await answered(slack, question)
    assert answer is orphan
    assert answer.content == "Hello world!"
    assert not slack.ledger.unfinished
    assert slack.ledger.sessions[channel.id, question.ts][-1] == "active"


async def test_a_stream_whose_id_died_with_its_process_is_found_again(
    slack: FakeSlack, glados: Start, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    """Killed while Slack's answer to startStream is on its way."""
    slack.faults.add(method="chat.startStream", drop=True, after_commit=True)
    model.gate.clear()
    async with glados() as process:
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        process.kill()
        await process.wait()
    model.gate.set()
    async with glados():
        (answer,) = await answered(slack, question)
    assert answer.content == "Hello world!"
    assert not slack.ledger.unfinished


async def test_two_processes_give_each_question_exactly_one_answer(
    slack: FakeSlack, glados: Start, ada: Person, model: ScriptedModel
) -> None:
    people = [ada, *(slack.add_user(f"person{number}") for number in range(5))]
    slack.delivery.repeat(1)
    async with glados(), glados():
        channels = [slack.add_channel(person.name) for person in people]
        threads = [await ada.say(channel, f"{slack.bot.mention} one") for channel in channels]
        for thread, person in zip(threads, people, strict=True):
            await person.say(thread.channel, "two", thread=thread)
        for thread in threads:
            await answered(slack, thread, 2)
        await slack.settled()
    # Both have ended in order by now: whatever they had begun has been said.
    assert len(slack.answers()) == 12
    assert len(model.prompts) == 12
    assert not slack.ledger.unfinished


@pytest.mark.parametrize("grace", ["10", "0"])
async def test_told_to_end_it_finishes_what_it_can_and_the_next_one_does_the_rest(
    slack: FakeSlack, glados: Start, channel: Channel, ada: Person, model: ScriptedModel, *, grace: str
) -> None:
    model.gate.clear()
    async with glados(GLADOS_GRACE=grace) as process:
        question = await ada.say(channel, f"{slack.bot.mention} hi")
        await slack.wait_for(lambda: slack.ledger.unfinished)
        process.send_signal(signal.SIGTERM)
        await slack.wait_for(lambda: not slack.sockets.connections)
        if grace == "10":
            model.gate.set()
        await asyncio.wait_for(process.wait(), LONGEST_S)
        assert process.returncode == 0
    (answer,) = slack.answers(thread=question)
    assert not slack.ledger.unfinished
    assert is_end(answer) == (grace == "10")
    model.gate.set()
    if grace == "0":
        async with glados():
            await answered(slack, question)
    (answer,) = await answered(slack, question)
    assert answer.content == "Hello world!"
