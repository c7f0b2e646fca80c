"""What an answer has cost is counted, whatever its question's person does with it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from glados_bots.conversation import Turn
from glados_bots.store.connection import Client
from glados_bots.store.limits import Limit, Limits
from glados_bots.store.records import Records
from glados_bots.store.store import Edited
from glados_bots.store.usage import usage
from glados_bots.surface import View
from glados_bots.wire.events import Delta, Finished
from tests.turns.world import World, a_world
from tests.waiting import until

DONE = Finished("stop", 5, 0, 2)


@pytest.fixture
async def world(client: Client) -> AsyncIterator[World]:
    async with a_world(client) as found:
        found.store.limits = Limits(user=Limit(tokens_per_day=10**6))
        yield found


async def tokens_of_today(world: World) -> int:
    (found,) = [each.used for each in await usage(world.store, "ada") if each.kind == "day"]
    return found


@pytest.mark.parametrize("way", ["delete", "clear"])
async def test_an_answer_that_was_read_and_taken_away_before_its_end_was_saved_is_counted(
    world: World, way: str
) -> None:
    edits = world.surface.edit

    async def take_away_first(turn: Turn, post: str, view: View) -> None:
        if view.state == "done" and way == "delete":
            await world.store.change("t1", "delete")
        if view.state == "done" and way == "clear":
            await Records(world.store).forget_conversation("c")
        await edits(turn, post, view)

    world.surface.edit = take_away_first  # type: ignore[method-assign]
    async with world.working():
        await world.say(1)
        await until(lambda: world.engine.asked)
        await world.settled(0)
    assert await world.answers() == []
    assert await tokens_of_today(world) == 7  # as the engine said


@pytest.mark.parametrize("way", ["delete", "clear", "stop"])
async def test_half_an_answer_is_counted_when_it_is_taken_away(world: World, way: str) -> None:
    world.engine.script, world.engine.gate = (Delta("word " * 200), DONE), asyncio.Semaphore(1)
    async with world.working():
        await world.say(1, text="why " * 100)
        await until(lambda: world.surface.ledger and "word" in world.surface.seen("t1"))
        if way == "clear":
            await Records(world.store).forget_conversation("c")
        else:
            await world.store.change("t1", way)  # type: ignore[arg-type]
        await world.settled(0)
    assert await tokens_of_today(world) > 200  # the prompt's characters and the answer's, in tokens


async def test_an_answer_that_is_begun_again_for_an_edit_is_counted_too(world: World) -> None:
    world.engine.script, world.engine.gate = (Delta("word " * 200), DONE), asyncio.Semaphore(1)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.ledger and "word" in world.surface.seen("t1"))
        await world.store.change("t1", "redo", Edited("edited"))
        await until(lambda: len(world.engine.asked) == 2)
        for _ in range(2):
            world.engine.gate.release()
        await world.settled(1)
    assert await tokens_of_today(world) > 200
