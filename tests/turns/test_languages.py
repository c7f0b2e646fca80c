"""What the bot itself says beside an answer, in the language of the turn's place; and what the model is told of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from glados_bots.store.channels import ChannelBook
from glados_bots.store.connection import Client
from glados_bots.wire.events import Delta, Finished, Queued
from glados_bots.wording.languages import NAMES
from glados_bots.wording.sentence import say
from tests.turns.world import World, a_world
from tests.waiting import until


@pytest.fixture
async def world(client: Client) -> AsyncIterator[World]:
    async with a_world(client) as found:
        yield found


@pytest.mark.parametrize("language", NAMES)
async def test_what_went_wrong_is_told_in_the_language_of_the_place(world: World, language: str) -> None:
    world.engine.script = (Finished("stop", 5, 0, 0),)
    async with world.working():
        await world.say(1, language=language)
        (exchange,) = await world.settled(1)
    assert (exchange.outcome, exchange.answer) == ("failed", say("no-answer").in_language(language))


async def test_notices_are_in_the_language_of_each_question_in_one_thread(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(0)
    world.engine.script = (Queued(0, None), Delta("x"), Finished("length", 5, 0, 1))
    async with world.working():
        await world.say(1, language="de")
        await world.say(2, language="ja")
        await world.say(3)
        first, second, third = say("model-queue-next"), say("queued-next"), say("queued", count=2)
        await until(lambda: world.surface.notice("t1") == first.in_language("de"))
        await until(lambda: world.surface.notice("t2") == second.in_language("ja"))
        await until(lambda: world.surface.notice("t3") == str(third))
        for _ in range(9):
            world.engine.gate.release()
        await world.settled(3)
    assert world.surface.last("t1").notice == say("ended-length").in_language("de")
    assert world.surface.last("t2").notice == say("ended-length").in_language("ja")


async def test_a_turn_of_an_earlier_version_speaks_english(world: World) -> None:
    await ChannelBook(world.store).set_model("c", "gone")
    gone = say("model-gone", model="gone", models=("scripted",))
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert exchange.answer == str(say("cannot-answer", reason=gone))


async def test_the_model_is_told_the_language_only_where_a_persona_asks_for_it(world: World) -> None:
    book = ChannelBook(world.store)
    await book.set_persona("asks", "Answer in {language}, always. {name} stays.")
    await book.set_persona("does not", "You are a pirate.")
    async with world.working():
        await world.say(1, "asks", language="pt-BR")
        await world.say(2, "does not", language="pt-BR")
        await world.say(3, "asks")
        await world.settled(2, "asks")
        await world.settled(1, "does not")
    told = {messages[0].content for messages, _ in world.engine.asked}
    assert told == {
        "Answer in Portuguese (Brazil), always. {name} stays.",
        "Answer in English, always. {name} stays.",
        "You are a pirate.",
    }
