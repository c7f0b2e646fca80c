"""Discord itself is away: whatever is to be shown waits for it, and costs the turn no try."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from glados_bots.conversation import Turn
from glados_bots.surface import PlatformAwayError, View
from glados_discord.answers.surface import DiscordSurface
from tests.discord.conftest import World
from tests.fakes.discord import Message

VIEW = View("Hello", "", "writing", is_last=True)
Call = Callable[[DiscordSurface, Turn, str], Awaitable[object]]
CALLS: dict[str, Call] = {
    "post": lambda surface, turn, _: surface.post(turn, VIEW, "a-name"),
    "edit": lambda surface, turn, post: surface.edit(turn, post, VIEW),
    "remove": lambda surface, turn, post: surface.remove(turn, post),
}


def turn_of(world: World, question: Message, how: str) -> Turn:
    place = {"channel": str(world.channel.id), "guild": str(world.guild.id), "question": str(question.id), "how": how}
    return Turn(str(question.id), str(question.id), str(world.ada.id), "what is a lemon?", place=place)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"drop": True}, {"status": 429, "cloudflare": True}], ids=["503", "drop", "edge"]
)
async def test_what_cannot_reach_discord_says_that_discord_is_away(
    world: World, call: str, fault: dict[str, Any]
) -> None:
    async with world.bot() as bot:
        question = await world.ada.say(world.channel, "what is a lemon?")
        await world.told(bot)
        surface, turn = bot.core.surface, turn_of(world, question, "reply")
        post = await surface.post(turn, VIEW, "first")
        world.fake.faults.add(times=None, path="/channels/*/messages*", **fault)
        with pytest.raises(PlatformAwayError):
            await CALLS[call](surface, turn, post)


async def test_a_thread_that_cannot_be_made_because_discord_is_away_is_waited_for(world: World) -> None:
    async with world.bot() as bot:
        question = await world.ada.say(world.channel, "what is a lemon?")
        await world.told(bot)
        faults: tuple[dict[str, Any], ...] = ({"status": 503}, {"drop": True})
        for fault in faults:
            world.fake.faults.add(path="/channels/*/messages/*/threads", **fault)
            with pytest.raises(PlatformAwayError):
                await bot.core.surface.post(turn_of(world, question, "thread"), VIEW, "a-name")


async def test_without_a_client_discord_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glados_discord.connection.current_client.PATIENCE_S", 0.0)
    async with world.bot() as bot:
        question = await world.ada.say(world.channel, "what is a lemon?")
        await world.told(bot)
        client = bot.current.client
        assert client
        bot.current.drop(client)
        with pytest.raises(PlatformAwayError):
            await bot.core.surface.post(turn_of(world, question, "reply"), VIEW, "a-name")
        bot.current.use(client)


async def test_a_question_asked_just_before_an_outage_is_answered_once_when_discord_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glados_bots.turns.insistence.LONGEST_WAIT_S", 0.02)
    async with world.bot() as bot:
        outage = world.fake.faults.add(status=503, times=None)
        question = await world.ask()
        await world.until(lambda: outage.hits > 60)  # eight tries of a message in each of four attempts are 32
        world.fake.faults.remove(outage)
        await world.answered(question)
        await world.quiet(bot)
        assert await bot.core.store.load() == (0, 0)
    assert world.said(world.thread(question)) == ["Hello **world**"]
    assert len(world.engine.asked) == 1
