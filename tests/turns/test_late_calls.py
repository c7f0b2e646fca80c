"""What a platform carries out of a dead process's calls when its turn has long gone on without it: it is put right."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from glados_bots.conversation import Turn
from glados_bots.operations import privacy
from glados_bots.store.connection import Client
from glados_bots.store.leases import Lease, Renewal
from glados_bots.store.store import Edited
from glados_bots.surface import View
from glados_bots.turns import insistence
from tests.turns.world import World, a_world
from tests.waiting import until

OLD = View("old words", "", "writing", is_last=True)
END = "Hello **world**"


@pytest.fixture
async def world(client: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A platform that holds calls for a long time: `time_comes` says when it is over."""
    monkeypatch.setattr(insistence, "LONGEST_WAIT_S", 0.01)
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
    """From now on the platform holds no call any longer: since a second ago, as the store counts whole milliseconds."""
    for turn in await come_back(world):
        await world.store.client.zadd(again(world), {turn: (time.time() - 1) * 1000}, xx=True)


async def is_gone(world: World, turn: str) -> None:
    """Returns when nothing is kept of a turn."""

    async def is_it() -> bool:
        return await world.store.turn(turn) is None

    await until(is_it)


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
        asked = len(world.engine.asked)
        world.surface.ledger["p0"][1].append(OLD)
        await all_is_over(world)
        assert world.surface.seen("t1") == END
        assert await world.answers() == [exchange]
    assert world.surface.last("t1").state == "done"
    assert len(world.engine.asked) == asked


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
        await is_gone(world, "t1")
        (name,) = [key async for key in world.store.client.scan_iter("*:gone:t1")]
        assert "question 1" not in str(await world.store.client.hgetall(name))
        world.surface.ledger["late"] = ("t1", [OLD])
        await all_is_over(world)
        assert not world.surface.ledger
    assert [key async for key in world.store.client.scan_iter("*t1*")] == ["glados:{test}:seen:t1"]
    assert not await world.answers()


async def test_what_no_dead_process_had_is_shown_once(client: Client) -> None:
    async with a_world(client, lease_s=60) as world:
        world.surface.longest_call_s = 3600.0
        async with world.working():
            await world.say(1)
            await world.settled(1)
        assert not await come_back(world)


async def test_who_asks_for_another_answer_meanwhile_gets_that(world: World) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        await world.settled(1)
        asked = len(world.engine.asked)
        await world.store.change("t1", "redo", Edited("question 1 again"))
        await until(lambda: len(world.engine.asked) > asked)
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


async def test_another_that_comes_back_is_told_no_place_in_the_queue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left_by_a_dead_process(world, 2)
    async with world.working():
        await world.settled(2)
        go_on, renewed = asyncio.Event(), list[str]()
        edit, renew = world.surface.edit, world.store.renew

        async def held(turn: Turn, post: str, view: View) -> None:
            await go_on.wait()
            await edit(turn, post, view)

        async def noted(lease: Lease) -> Renewal | None:
            renewed.append(lease.turn.id)
            return await renew(lease)

        monkeypatch.setattr(world.surface, "edit", held)
        monkeypatch.setattr(world.store, "renew", noted)
        await time_comes(world)
        await until(lambda: len(renewed) >= 3)
        assert {world.surface.last(turn).state for turn in ("t1", "t2")} == {"done"}
        go_on.set()
        await all_is_over(world)
    assert {world.surface.last(turn).state for turn in ("t1", "t2")} == {"done"}


async def test_an_answer_that_a_moderator_deleted_is_not_made_again_below_later_ones(world: World) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        await world.settled(1)
        await world.say(2)
        await world.settled(2)
        del world.surface.ledger["p0"]
        await all_is_over(world)
    assert [turn for turn, _ in world.surface.ledger.values()] == ["t2"]


async def test_a_question_that_is_deleted_before_it_comes_back_is_looked_for_all_the_same(world: World) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        await world.settled(1)
        await world.store.change("t1", "delete")
        await is_gone(world, "t1")
        world.surface.ledger["late"] = ("t1", [OLD])
        await all_is_over(world)
    assert not world.surface.ledger


async def test_a_restart_while_it_is_shown_again_leaves_it_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        await world.settled(1)
        looked = asyncio.Event()

        async def hang(*_: object) -> list[str]:
            looked.set()
            await asyncio.Event().wait()
            return []

        monkeypatch.setattr(world.surface, "strays", hang)
        await time_comes(world)
        await looked.wait()
    assert (world.surface.last("t1").state, world.surface.seen("t1")) == ("done", END)


async def test_votes_on_an_answer_go_when_another_one_is_wanted_while_it_comes_back(world: World) -> None:
    await left_by_a_dead_process(world)
    async with world.working():
        await world.settled(1)
    await time_comes(world)
    lease = await world.store.claim()
    assert lease
    assert await world.records.vote("t1", "ada", "up") is not None
    await world.store.release(lease)
    await world.store.change("t1", "redo", Edited("other"))
    assert not await world.records.votes("t1")


async def test_an_asker_who_wants_to_be_forgotten_blocks_nobody(world: World) -> None:
    async with world.working():
        await world.say(9, author="bob")
        await world.settled(1)
    await left_by_a_dead_process(world)
    await world.store.change("t1", "delete")
    async with world.working():
        await is_gone(world, "t1")
        await privacy.forget(world.store, privacy.Subject(author="ada"))
        await all_is_over(world)
        await world.say(5, author="bob")
        await world.settled(2)


async def test_a_turn_whose_place_was_gone_at_its_end_is_not_emptied_when_that_is_back(world: World) -> None:
    await left_by_a_dead_process(world)
    world.surface.gone = True
    async with world.working():
        await world.settled(1)
        world.surface.gone = False
        await all_is_over(world)
    assert world.surface.seen("t1") == "Hello "
