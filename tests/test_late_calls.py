"""What a platform carries out of a dead process's calls when its turn has long gone on without it: it is put right."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from glados_bots import display
from glados_bots.conversation import Turn
from glados_bots.store import Client
from glados_bots.surface import View
from tests.waiting import until
from tests.world import World, a_world

OLD = View("old words", "", "writing", is_last=True)
END = "Hello **world**"


@pytest.fixture
async def world(client: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A platform that holds calls for a long time: `time_comes` says when it is over."""
    monkeypatch.setattr(display, "LONGEST_WAIT_S", 0.01)
    async with a_world(client) as found:
        found.surface.longest_call_s = 3600.0
        yield found


async def left_by_a_dead_process(world: World, *behind: int) -> None:
    """A turn that is half answered, and others behind it."""
    world.engine.gate = asyncio.Semaphore(1)
    async with world.dying():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
        for number in behind:
            await world.say(number)
    world.engine.gate = None


def again(world: World) -> str:
    """The key of the turns whose end is to be shown once more."""
    return f"{world.store.prefix}again"


async def come_back(world: World) -> list[str]:
    """Turns whose end is to be shown once more."""
    return [str(turn) for turn in await world.store.client.zrange(again(world), 0, -1)]


async def time_comes(world: World) -> None:
    """From now on the platform holds no call any longer."""
    for turn in await come_back(world):
        await world.store.client.zadd(again(world), {turn: 0}, xx=True)


async def all_is_over(world: World) -> None:
    """The time comes, and every end is shown once more."""

    async def is_over() -> bool:
        await time_comes(world)
        return not await come_back(world) and not (await world.store.load())[0]

    await until(is_over)


async def test_old_words_that_a_late_call_brought_back_give_way_to_the_end(world: World) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        (exchange,) = await world.settled(1)
        world.surface.ledger["p0"][1].append(OLD)
        await all_is_over(world)
        assert world.surface.seen("t1") == END
        assert await world.answers() == [exchange]
    assert world.surface.last("t1").state == "done"
    assert len(world.engine.asked) == 2  # by the dead, and by the heir


async def test_a_message_that_a_late_call_made_goes(world: World) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        await world.settled(1)
        world.surface.ledger["late"] = ("t1", [OLD])
        await all_is_over(world)
        assert "late" not in world.surface.ledger
    assert world.surface.seen("t1") == END


async def test_so_does_a_late_notice_of_a_question_that_waited(world: World) -> None:
    await left_by_a_dead_process(world, 2)
    async with world.working():
        await world.settled(2)
        world.surface.ledger["late"] = ("t2", [View("", "Queued: next.", "waiting", is_last=True)])
        await all_is_over(world)
        assert "late" not in world.surface.ledger
    assert world.surface.seen("t2") == END


async def test_the_beginning_of_an_answer_to_a_deleted_question_goes_though_nothing_is_kept_of_it(world: World) -> None:
    await left_by_a_dead_process(world)
    await world.store.change("t1", "delete")
    async with world.working():
        await until(lambda: not world.surface.ledger)

        async def is_forgotten() -> bool:
            return await world.store.turn("t1") is None

        await until(is_forgotten)
        (name,) = [key async for key in world.store.client.scan_iter("*:gone:t1")]
        assert "question 1" not in str(await world.store.client.hgetall(name))
        world.surface.ledger["late"] = ("t1", [OLD])
        await all_is_over(world)
        assert not world.surface.ledger
    assert [key async for key in world.store.client.scan_iter("*t1*")] == ["glados:{test}:seen:t1"]
    assert not await world.answers()


async def test_what_no_dead_process_had_is_shown_once(world: World) -> None:
    async with world.working():
        await world.say(1)
        await world.settled(1)
    assert not await come_back(world)


async def test_who_asks_for_another_answer_meanwhile_gets_that(world: World) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        await world.settled(1)
        await world.store.change("t1", "redo", "question 1 again")
        await until(lambda: len(world.engine.asked) == 3)
        await all_is_over(world)
        (exchange,) = await world.answers()
    assert (exchange.question, exchange.answer) == ("question 1 again", END)
    assert world.surface.seen("t1") == END


async def test_that_the_end_cannot_be_shown_again_changes_nothing(world: World) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        (exchange,) = await world.settled(1)
        world.surface.faults = [OSError("no")] * 1000
        await all_is_over(world)
        world.surface.faults = []
        assert await world.answers() == [exchange]
        assert await world.store.load() == (0, 0)
    assert world.surface.last("t1").chunk == END


async def test_the_death_of_who_shows_it_again_is_a_reason_to_show_it_once_more(world: World) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        (exchange,) = await world.settled(1)
    await time_comes(world)
    lease = await world.store.claim()
    assert lease
    assert (lease.is_again, lease.answer) == (True, exchange)
    async with world.working():

        async def comes_back() -> bool:
            return bool(await come_back(world))

        await until(comes_back)
        await all_is_over(world)
        assert await world.answers() == [exchange]


async def test_it_waits_while_another_turn_of_its_conversation_is_at_work(world: World) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        await world.settled(1)
        world.engine.gate = asyncio.Semaphore(1)
        await world.say(2)
        await until(lambda: world.surface.seen("t2") == "Hello ")
        world.surface.ledger["p0"][1].append(OLD)
        await time_comes(world)

        async def is_put_off() -> bool:
            return bool(await world.store.client.zscore(again(world), "t1"))

        await until(is_put_off)
        assert world.surface.last("t1") is OLD
        world.engine.gate = None
        await world.store.change("t2", "stop")
        await all_is_over(world)
    assert world.surface.seen("t1") == END
    assert [one.turn for one in await world.answers()] == ["t1", "t2"]


async def test_the_notice_beside_an_answer_stays(world: World) -> None:
    await world.store.accept(Turn("t1", "c", "ada", "question"))
    lease = await world.store.claim()
    assert lease
    async with world.working():
        (exchange,) = await world.settled(1)
    await world.store.client.hset(f"{world.store.prefix}t:t1", "notice", "It was cut.")
    async with world.working():
        await all_is_over(world)
    assert exchange.answer == world.surface.seen("t1")
    assert world.surface.notice("t1") == "It was cut."
