"""Slack carries out a call of a process that has died, when another one has made its own message already."""

import asyncio

import pytest

from glados_bots.conversation import Turn
from glados_bots.settings import Settings
from glados_bots.surface import View
from glados_bots.wording.sentence import say
from glados_slack.answers.answer import chunk_of
from glados_slack.answers.surface import SlackSurface
from tests.fakes.slack import FakeSlack
from tests.slack.answers.test_waiting import surfaces, turn
from tests.slack.incoming.test_deletions import begin
from tests.waiting import LONGEST_S

__all__ = ["turn"]

END = View(chunk_of("beginning and end").encode(), "", "done", is_last=True)


async def die_while_slack_holds(slack: FakeSlack, method: str, surface: SlackSurface, turn: Turn) -> None:
    """Begin an answer, and die before Slack has begun it."""
    held = slack.faults.add(method=method, delay_s=LONGEST_S)
    dying = asyncio.create_task(begin(surface, turn))
    await slack.wait_for(lambda: held.hits)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)


@pytest.mark.parametrize("method", ["chat.startStream", "chat.postMessage"])
async def test_the_message_that_it_makes_is_found_beside_that_of_the_heir(
    slack: FakeSlack, settings: Settings, turn: Turn, *, method: str
) -> None:
    async with surfaces(slack, settings, 2) as (dead, heir):
        if method == "chat.postMessage":
            for surface in (dead, heir):
                surface._streaming = False
        await die_while_slack_holds(slack, method, dead, turn)
        post = await begin(heir, turn)
        await heir.edit(turn, post, END)
        assert not await heir.strays(turn, ["name"], [post])
        slack.clock.advance(LONGEST_S)
        await slack.wait_for(lambda: len(slack.answers()) == 2)
        (stray,) = await heir.strays(turn, ["before", "name"], [post])
        await heir.remove(turn, stray)
    (answer,) = slack.answers()
    assert answer.ts == post
    assert not slack.ledger.unfinished


async def test_the_notice_that_it_makes_of_a_question_that_waits_is_found(
    slack: FakeSlack, settings: Settings, turn: Turn
) -> None:
    notice = View("", str(say("queued-next")), "waiting", is_last=True)
    async with surfaces(slack, settings, 2) as (dead, heir):
        held = slack.faults.add(method="chat.postMessage", delay_s=LONGEST_S)
        dying = asyncio.create_task(dead.post(turn, notice, "name"))
        await slack.wait_for(lambda: held.hits)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        post = await begin(heir, turn)
        await heir.edit(turn, post, END)
        slack.clock.advance(LONGEST_S)
        await slack.wait_for(lambda: len(slack.answers()) == 2)
        for stray in await heir.strays(turn, ["name"], [post]):
            await heir.remove(turn, stray)
    (answer,) = slack.answers()
    assert answer.ts == post
