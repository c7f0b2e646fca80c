"""What is shown, and that it is shown: a platform that is away, removals that fail, edits that were granted."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from glados_bots.conversation import Exchange, Turn
from glados_bots.store.connection import Client
from glados_bots.store.store import Edited, Store
from glados_bots.surface import PlatformAwayError, View
from glados_bots.turns.display import Display, nonce
from glados_bots.turns.insistence import LeaseLostError
from glados_bots.turns.pacing import Pacer
from glados_bots.wire.events import Delta, Finished
from tests.fakes.surface import MemorySurface
from tests.turns.world import World, a_world
from tests.waiting import until

AWAY = PlatformAwayError("503")
MANY = 30  # more than any number of tries


@pytest.fixture
async def world(client: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Pauses are short, and no call has more than two tries."""
    monkeypatch.setattr("glados_bots.turns.insistence.LONGEST_WAIT_S", 0.01)
    monkeypatch.setattr("glados_bots.turns.insistence.TRIES", 2)
    async with a_world(client) as found:
        yield found


def fails(world: World, method: str, error: Exception, times: int) -> list[Exception]:
    """Let a method of the surface fail so often; what is in the list that is returned is still to come."""
    real, left = getattr(world.surface, method), [error] * times

    async def call(*args: Any) -> Any:
        await asyncio.sleep(0)
        if left:
            raise left.pop()
        return await real(*args)

    setattr(world.surface, method, call)
    return left


@pytest.mark.parametrize("method", ["post", "edit"])
async def test_a_platform_that_is_away_is_waited_for_and_costs_no_try(world: World, method: str) -> None:
    left = fails(world, method, AWAY, MANY)
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert not left
    assert exchange.outcome == "done"
    assert world.surface.seen("t1") == "Hello **world**"
    assert await world.store.client.hget("glados:{test}:t:t1", "error") is None
    assert len(world.engine.asked) == 1


async def test_a_worker_ends_at_once_while_the_platform_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glados_bots.turns.insistence.LONGEST_WAIT_S", 3600.0)
    monkeypatch.setattr("glados_bots.turns.worker.FAREWELL_S", 0.1)
    left = fails(world, "post", AWAY, MANY)
    async with world.working() as (worker,):
        await world.say(1)
        await until(lambda: len(left) < MANY - 1)
        async with asyncio.timeout(15):
            await worker.drain(0)
    lease = await world.store.claim()
    assert lease
    assert (lease.attempts, lease.failures) == (1, 0)


async def test_what_is_said_as_a_farewell_does_not_wait_for_a_platform_that_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glados_bots.turns.worker.FAREWELL_S", 0.1)
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working() as (worker,):
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
        fails(world, "edit", AWAY, 10_000)
        async with asyncio.timeout(15):
            await worker.drain(0)
    lease = await world.store.claim()
    assert lease
    assert (lease.attempts, lease.draft) == (1, "Hello ")


async def test_a_question_is_stopped_while_the_platform_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glados_bots.turns.insistence.LONGEST_WAIT_S", 0.5)
    world.engine.gate = asyncio.Semaphore(0)
    left = fails(world, "post", AWAY, 10_000)
    async with world.working():
        await world.say(1)
        await until(lambda: len(left) < 9_998)
        await world.store.change("t1", "stop")
        await until(lambda: world.engine.cancelled)
        left.clear()
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "stopped"
    assert world.surface.notice("t1") == "Stopped."


@pytest.mark.parametrize("error", [AWAY, OSError("reset"), RuntimeError("500")])
async def test_the_answer_to_a_deleted_question_is_removed_however_often_that_fails(
    world: World, error: Exception
) -> None:
    async with world.working():
        await world.say(1)
        await world.settled(1)
        left = fails(world, "remove", error, MANY)
        await world.store.change("t1", "delete")
        assert await world.settled(0) == []
    assert not left
    assert not world.surface.ledger
    assert await world.store.turn("t1") is None


async def test_messages_that_a_redone_answer_does_not_need_are_removed_however_often_that_fails(world: World) -> None:
    world.engine.script = (Delta("a long answer that takes three messages on this platform"), Finished("stop", 5, 0, 2))
    async with world.working():
        await world.say(1)
        await world.settled(1)
        assert len(world.surface.ledger) == 3
        left = fails(world, "remove", OSError("reset"), MANY)
        world.engine.script = (Delta("short"), Finished("stop", 5, 0, 2))
        await world.store.change("t1", "redo")
        (exchange,) = await world.settled(1)
    assert exchange.answer == "short"
    assert not left
    assert world.surface.seen("t1") == "short"
    assert len(world.surface.ledger) == 1


async def test_answers_stand_one_after_the_other(world: World) -> None:
    """The second question's notice was posted before the first answer needed a second message, and a third."""
    world.engine.gate = asyncio.Semaphore(1)
    world.engine.script = (*(Delta(f"words of ten {n:02}") for n in range(4)), Finished("stop", 5, 0, 2))
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.seen("t1"))
        await world.say(2)
        await until(lambda: world.surface.notice("t2"))
        await world.say(3)
        await until(lambda: world.surface.notice("t3"))
        for _ in range(100):
            world.engine.gate.release()
        await world.settled(3)
    assert [owner for owner, _ in world.surface.ledger.values()] == ["t1"] * 3 + ["t2"] * 3 + ["t3"] * 3
    assert {len(world.surface.seen(f"t{number}")) for number in (1, 2, 3)} == {4 * len("words of ten 00")}


async def test_an_answer_that_is_made_anew_stays_in_its_place(world: World) -> None:
    """It waits behind an answer of several messages, which stand below it; but it is no notice."""
    async with world.working():
        await world.say(1)
        await world.settled(1)
        world.engine.gate = asyncio.Semaphore(0)
        world.engine.script = (Delta("an answer of two messages"), Finished("stop", 5, 0, 2))
        await world.say(2)
        await until(lambda: len(world.engine.asked) == 2)
        await world.store.change("t1", "redo")
        await until(lambda: world.surface.notice("t1"))
        for _ in range(100):
            world.engine.gate.release()
        await world.settled(2)
    assert world.surface.seen("t1") == "an answer of two messages"
    assert world.surface.ledger["p0"][0] == "t1"


@pytest.mark.parametrize("step", ["remove", "post", "save_posts"])
async def test_a_crash_while_a_notice_makes_way_leaves_one_message_in_its_place(
    client: Client, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store, surface, pacer = Store(client, "test", ttl=60, max_exchanges=5), MemorySurface(), Pacer(client, "glados:p:")
    for number in (1, 2):
        await store.accept(Turn(f"t{number}", "c", "ada", "question"))
    first = await store.claim()
    assert first
    display = Display(surface, store, pacer, first)
    display.show(["a1"], "", "writing", "")
    await display.settle()
    behind = await store.turn("t2")
    assert behind
    notice = await surface.post(behind, View("", "Queued", "waiting", is_last=True), nonce("t2", 0))
    assert await store.save_posts(first, "t2", [notice])
    display.show(["a1", "a2"], "", "done", "")
    await display.settle()
    await store.finish(first, Exchange("t1", "question", "a1 a2", "done"))

    second = await store.claim()
    assert second
    assert second.is_buried
    owner: Any = store if step == "save_posts" else surface
    real = getattr(owner, step)

    async def dies(*args: Any) -> Any:
        await real(*args) if step != "save_posts" else None
        raise LeaseLostError

    dying = Display(surface, store, pacer, second)
    dying.show(["b1", "b2"], "", "done", "")
    with monkeypatch.context() as patch:
        patch.setattr(owner, step, dies)
        with pytest.raises(LeaseLostError):
            await dying.settle()
    await client.zadd("glados:{test}:ready", {"c": 0})
    third = await store.claim()
    assert third
    heir = Display(surface, store, pacer, third)
    heir.show(["b1", "b2"], "", "done", "")
    await heir.settle()
    assert [views[-1].chunk for _, views in surface.ledger.values()] == ["a1", "a2", "b1", "b2"]
    assert tuple(surface.ledger)[2:] == await store.posts("t2")


class Grants(Pacer):
    """A pacer that counts what it grants."""

    granted = 0

    async def wait(self, *args: Any, **options: Any) -> bool:
        """Granted at once."""
        del args, options
        await asyncio.sleep(0)
        self.granted += 1
        return True


async def test_no_edit_is_made_that_was_not_granted_while_redis_takes_its_time(client: Client) -> None:
    """Words come while the draft is being saved: they wait for the next grant, and so do a second message's."""
    store, surface, pacer = Store(client, "test", ttl=60, max_exchanges=5), MemorySurface(), Grants(client, "p:")
    await store.accept(Turn("t1", "c", "ada", "question"))
    lease = await store.claim()
    assert lease
    display, edits, saves = Display(surface, store, pacer, lease), 0, 0
    saved, edited = store.note_draft, surface.edit

    async def note_slowly(*args: Any) -> bool:
        nonlocal saves
        saves += 1
        if saves % 3:  # the drawn text changes, too, while the draft goes to Redis
            display.show([f"one {saves}", f"two {saves}"], "", "writing", f"draft {saves}")
        await asyncio.sleep(0)
        return await saved(*args)

    async def edit(*args: Any) -> None:
        nonlocal edits
        edits += 1
        assert edits <= pacer.granted
        await edited(*args)

    store.note_draft, surface.edit = note_slowly, edit  # type: ignore[method-assign, assignment]
    keeping = asyncio.create_task(display.keep_up())
    display.show(["one", "two"], "", "writing", "draft")
    for number in range(20):
        before = len(await store.posts("t1")), edits
        display.show([f"one more {number}", f"two more {number}"], "", "writing", f"more {number}")
        await until(lambda before=before: (len(display.posts), edits) != before)  # type: ignore[misc]
    await until(lambda: [views[-1].chunk for _, views in surface.ledger.values()] == [w.chunk for w in display._wanted])
    display.pause()
    await keeping
    assert edits <= pacer.granted


async def dies_before_it_notes(client: Client, surface: MemorySurface, *chunks: str) -> Store:
    """A store in which a worker has shown so many messages and died when it was to note the last one."""
    store, pacer = Store(client, "test", ttl=60, max_exchanges=5), Pacer(client, "glados:p:")
    await store.accept(Turn("t1", "c", "ada", "question"))
    lease = await store.claim()
    assert lease
    display = Display(surface, store, pacer, lease)
    for count in range(1, len(chunks)):
        display.show(list(chunks[:count]), "", "writing", "")
        await display.settle()
    await surface.post(lease.turn, View(chunks[-1], "", "writing", is_last=True), nonce("t1", len(chunks) - 1))
    await client.zadd("glados:{test}:ready", {"c": 0})
    return store


@pytest.mark.parametrize("chunks", [("a",), ("a", "b")])
async def test_a_message_that_nobody_noted_is_used_though_the_question_was_edited_since(
    client: Client, chunks: tuple[str, ...]
) -> None:
    surface = MemorySurface()
    store = await dies_before_it_notes(client, surface, *chunks)
    await store.change("t1", "redo", Edited("other question"))
    heir = await store.claim()
    assert heir
    heir = await store.restart(heir)
    assert heir
    display = Display(surface, store, Pacer(client, "glados:p:"), heir)
    display.show([f"new {chunk}" for chunk in chunks], "", "done", "")
    await display.settle()
    assert [views[-1].chunk for _, views in surface.ledger.values()] == [f"new {chunk}" for chunk in chunks]
    assert tuple(surface.ledger) == await store.posts("t1")


@pytest.mark.parametrize("kept", [[], ["a"]])
async def test_a_message_that_nobody_noted_goes_where_the_answer_needs_it_no_more(
    client: Client, kept: list[str]
) -> None:
    """The question was deleted, or edited so that its answer is shorter."""
    surface = MemorySurface()
    store = await dies_before_it_notes(client, surface, "a", "b")
    heir = await store.claim()
    assert heir
    display = Display(surface, store, Pacer(client, "glados:p:"), heir)
    if kept:
        display.show(kept, "", "done", "")
        await display.settle()
    else:
        await display.remove_all()
    assert [views[-1].chunk for _, views in surface.ledger.values()] == kept


async def test_a_notice_that_nobody_noted_goes_with_its_deleted_question(client: Client) -> None:
    """Redis was away when it was to be noted; nobody died."""
    store, surface, pacer = Store(client, "test", ttl=60, max_exchanges=5), MemorySurface(), Pacer(client, "glados:p:")
    turn = Turn("t1", "c", "ada", "question")
    await store.accept(turn)
    await surface.post(turn, View("", "Queued", "waiting", is_last=True), nonce("t1", 0))
    await store.change("t1", "delete")
    lease = await store.claim()
    assert lease
    assert not lease.is_watched
    await Display(surface, store, pacer, lease).remove_all()
    assert not surface.ledger
