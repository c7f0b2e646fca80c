"""Questions that wait behind another one: their notices go, whatever was lost, and their answers stand in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from glados_bots.conversation import Turn
from glados_bots.settings import Settings
from glados_bots.store.connection import connect
from glados_bots.store.store import Store
from glados_bots.surface import MessageGoneError, View
from glados_bots.turns.pacing import Pacer
from glados_bots.wording.sentence import say
from glados_slack.answers.answer import chunk_of
from glados_slack.answers.surface import SlackSurface
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls
from glados_slack.run import one_install
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.slack import Channel, FakeSlack, Message, Person
from tests.slack.conftest import Adapter, answered, slack_settings
from tests.waiting import LONGEST_S

WAITS = View("", str(say("queued-next")), "waiting", is_last=True)
ENDS = View(chunk_of("all").encode(), "", "done", is_last=True)
BEGINS = View("", "", "waiting", is_last=True)


async def one_and_two(slack: FakeSlack, model: ScriptedModel, ada: Person, channel: Channel) -> Message:
    """The first is being answered when the second is asked; their answers say which is which."""
    question = await ada.say(channel, f"{slack.bot.mention} one")
    await slack.wait_for(model.reached.is_set)
    model.pieces = ["second ", "answer"]
    await ada.say(channel, "two", thread=question)
    return question


async def test_a_notice_whose_id_was_lost_goes_when_its_answer_begins(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    """The first answer ends before anybody has looked for the notice."""
    fault = slack.faults.add(method="chat.postMessage", drop=True, after_commit=True)
    model.gate.clear()
    async with adapter(core={"lease": 15}):
        question = await one_and_two(slack, model, ada, channel)
        await slack.wait_for(lambda: fault.hits)
        model.gate.set()
        answers = await answered(slack, question, 2)
    assert [answer.content for answer in answers] == ["Hello world!", "second answer"]


async def test_a_notice_that_was_found_again_never_becomes_the_answer_above_an_earlier_one(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    """The notice was posted while the first question had a status line only; answers stand in order."""
    slack.faults.add(method="chat.postMessage", drop=True, after_commit=True)
    model.gate.clear()
    model.pieces = ["first answer"]
    async with adapter():
        question = await one_and_two(slack, model, ada, channel)
        looks = lambda: [one for one in slack.ledger.requests if one.method == "conversations.replies"]  # noqa: E731
        await slack.wait_for(looks, what="for a look")
        model.gate.set()
        answers = await answered(slack, question, 2)
    assert [answer.content for answer in answers] == ["first answer", "second answer"]


async def test_a_notice_that_was_never_made_is_not_mistaken_for_the_stream_of_the_answer_before(
    slack: FakeSlack, adapter: Adapter, channel: Channel, ada: Person, model: ScriptedModel
) -> None:
    slack.faults.add(method="chat.postMessage", drop=True)
    model.gate.clear()
    model.pieces = ["first ", "answer, ", "whole"]
    async with adapter():
        question = await one_and_two(slack, model, ada, channel)
        notices = lambda: [one for one in slack.answers(thread=question) if WAITS.notice in one.content]  # noqa: E731
        await slack.wait_for(notices, what="for a notice")
        assert slack.ledger.unfinished
        model.gate.set()
        answers = await answered(slack, question, 2)
    assert [answer.content for answer in answers] == ["first answer, whole", "second answer"]


# --- two processes ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def surfaces(slack: FakeSlack, settings: Settings, count: int) -> AsyncIterator[list[SlackSurface]]:
    """What so many processes hold, with the store they share."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        installs = await one_install(slack_settings(slack), session)
        made = []
        for _ in range(count):
            store = Store(connect(settings.resolved_redis_url), "slack", ttl=60, max_exchanges=10)
            stack.push_async_callback(store.client.aclose)
            pacer = Pacer(store.client, store.prefix)
            made.append(SlackSurface(store, Calls(installs, pacer, session, str(slack.settings.api_base))))
            stack.push_async_callback(made[-1].aclose)
        yield made


@pytest.fixture
async def turn(slack: FakeSlack, channel: Channel, ada: Person) -> Turn:
    """A question, in the hands of nobody."""
    message = await ada.say(channel, "hi")
    place = {
        "team": slack.team.id, "enterprise": "", "channel": channel.id, "kind": "channel", "ts": message.ts,
        "thread": message.ts, "user_team": slack.team.id,
    }  # fmt: skip
    return Turn(f"{channel.id}:{message.ts}", "c", ada.id, "hi", place=place)


async def test_a_notice_on_its_way_when_its_answer_begins_elsewhere_is_taken_away(
    slack: FakeSlack, settings: Settings, turn: Turn
) -> None:
    slow = slack.faults.add(method="chat.postMessage", delay_s=LONGEST_S)
    async with surfaces(slack, settings, 2) as (late, now):
        posting = asyncio.create_task(late.post(turn, WAITS, "name"))
        await slack.wait_for(lambda: slow.hits)
        now.answer(turn)
        assert await now.post(turn, BEGINS, "name") == "status"
        slack.clock.advance(LONGEST_S)
        assert await posting == "status"
        assert await late.post(turn, WAITS, "name") == "status"
    assert not slack.answers()


@pytest.mark.parametrize("stands", ["a notice", "a status line"])
async def test_what_gives_way_to_an_answer_takes_nothing_from_the_budget_of_updates(
    slack: FakeSlack, settings: Settings, turn: Turn, stands: str
) -> None:
    """Under load, workers that take turns over would wait for a minute, for calls they do not make."""
    async with surfaces(slack, settings, 2) as (before, now):
        if stands == "a status line":
            before.answer(turn)
        post = await before.post(turn, WAITS, "name")
        async with asyncio.timeout(LONGEST_S // 2):
            store = Store(connect(settings.resolved_redis_url), "slack", ttl=60, max_exchanges=10)
            pacer = Pacer(store.client, store.prefix)
            await pacer.exhausted(budget(slack.team.id, "chat.update"), 60, refused=False)
            now.answer(turn)
            assert await pacer.wait(now.budget(turn), turn.id, final=True)
            with pytest.raises(MessageGoneError):
                await now.edit(turn, post, ENDS)
            ts = await now.post(turn, ENDS, "another name")
            await store.client.aclose()
    assert [answer.ts for answer in slack.answers()] == [ts]


async def test_two_processes_that_post_one_notice_leave_one(slack: FakeSlack, settings: Settings, turn: Turn) -> None:
    slow = slack.faults.add(method="chat.postMessage", delay_s=LONGEST_S)
    async with surfaces(slack, settings, 2) as (late, now):
        posting = asyncio.create_task(late.post(turn, WAITS, "name"))
        await slack.wait_for(lambda: slow.hits)
        post = await now.post(turn, WAITS, "name")
        slack.clock.advance(LONGEST_S)
        assert await posting == post
    (notice,) = slack.answers()
    assert post == f"q{notice.ts}"
