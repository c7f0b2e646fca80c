"""A turn that kills processes is ended, and it alone: those that merely see processes die are answered."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from glados_bots.cli.up import roles
from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.inference.settings import ServeSettings
from glados_bots.store.connection import Client, connect
from glados_bots.store.store import Store
from glados_bots.surface import Budget
from glados_bots.turns import in_hand
from glados_bots.turns.in_hand import InHand
from glados_bots.turns.insistence import LeaseLostError
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.turn import MOST_DEATHS
from glados_bots.turns.worker import Worker
from tests.turns.doomed import POISON, POISON_TO_DRAW, POISON_TO_FREEZE, store
from tests.turns.world import World, a_world
from tests.waiting import until

HASH = "glados:{test}:t:"


@pytest.fixture
async def world(client: Client) -> AsyncIterator[World]:
    async with a_world(client) as found:
        yield found


@pytest.fixture
async def kept(redis_url: str) -> AsyncIterator[Store]:
    """The store of the processes that die."""
    found = store(redis_url, "")
    yield found
    await found.client.aclose()


class Processes:
    """Real workers in processes of their own, one after the other, under one owner's name."""

    def __init__(self, redis_url: str, world: World) -> None:
        self._args = (sys.executable, "-m", "tests.turns.doomed", redis_url, str(world.client._http.base_url))
        self.deaths = 0

    async def one(self, owner: str, ends: Callable[[], Any]) -> bool:
        """Run a process until something is so, and then kill it; False when it died before that."""
        child = await asyncio.create_subprocess_exec(*self._args, owner)
        died, ended = asyncio.create_task(child.wait()), asyncio.create_task(_until_forever(ends))
        await asyncio.wait({died, ended}, return_when=asyncio.FIRST_COMPLETED)
        is_done = ended.done()
        ended.cancel()
        if child.returncode is None:
            child.send_signal(signal.SIGKILL)
        await died
        self.deaths += not is_done
        return is_done

    async def until(self, ends: Callable[[], Any], owner: str = "here") -> None:
        """Start one after the other, as a supervisor does, until something is so."""
        async with asyncio.timeout(100):
            while not await self.one(owner, ends):
                pass


async def _until_forever(condition: Callable[[], Any]) -> None:
    while not await condition():
        await asyncio.sleep(0.02)


@pytest.fixture
def processes(redis_url: str, world: World) -> Processes:
    return Processes(redis_url, world)


async def outcome(kept: Store, conversation: str) -> str:
    history = await kept.history(conversation)
    return history[-1].outcome if history and not await kept.queue(conversation) else ""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("poison", [POISON, POISON_TO_DRAW, POISON_TO_FREEZE])
async def test_a_turn_that_kills_every_process_ends_with_an_apology_after_a_few(
    kept: Store, processes: Processes, poison: str
) -> None:
    await kept.accept(Turn("t1", "c", "ada", poison))
    await kept.accept(Turn("t2", "c", "ada", "the next one"))
    await processes.until(lambda: outcome(kept, "c"))
    assert [exchange.outcome for exchange in await kept.history("c")] == ["failed", "done"]
    assert processes.deaths == 1 + MOST_DEATHS


@pytest.mark.timeout(120)
async def test_innocent_turns_that_die_with_a_poison_are_answered(
    world: World, kept: Store, processes: Processes
) -> None:
    """All of them are in hand each time, and begun at the same moment as the poison."""
    world.engine.gate = asyncio.Semaphore(0)
    for number in range(12):
        await kept.accept(Turn(f"t{number}", f"c{number}", "ada", POISON if number == 4 else "question"))
    await processes.until(lambda: outcome(kept, "c4"))
    assert processes.deaths <= 12
    assert not [number for number in range(12) if number != 4 and await outcome(kept, f"c{number}")]
    world.engine.gate = None
    others = [f"c{number}" for number in range(12) if number != 4]

    async def all_done() -> bool:
        return all([await outcome(kept, name) for name in others])

    await processes.until(all_done)
    assert await outcome(kept, "c4") == "failed"
    assert {await outcome(kept, name) for name in others} == {"done"}


async def test_a_dead_process_leaves_its_turns_to_the_next_of_its_name_at_once_and_in_order(redis_url: str) -> None:
    """Leases last for ten minutes here; only what the dead process had is free."""
    first, other = store(redis_url, "here 1"), store(redis_url, "there 1")
    for number in range(4):
        await first.accept(Turn(f"t{number}", f"c{number}", "ada", "?"))
    await first.accept(Turn("t9", "c1", "ada", "behind it"))
    lost = [await first.claim(), await first.claim()]
    foreign = await other.claim()
    assert foreign
    assert await first.free() == 2
    heirs = [await first.claim(), await first.claim()]
    assert [heir and heir.turn.id for heir in heirs] == ["t0", "t1"]  # before t3, which nobody began yet
    assert [heir and heir.is_watched for heir in heirs] == [True, True]
    assert [lease and await first.renew(lease) for lease in lost] == [None, None]  # should it live after all
    assert await other.renew(foreign)
    assert await store(redis_url, "").free() == 0
    for each in (first, other):
        await each.client.aclose()


async def test_a_worker_takes_over_what_its_predecessor_had(world: World, kept: Store, processes: Processes) -> None:
    world.engine.gate = asyncio.Semaphore(0)
    await kept.accept(Turn("t1", "c", "ada", "question"))

    async def is_asked() -> bool:
        return bool(world.engine.asked)

    assert await processes.one("here", is_asked)
    assert await kept.claim() is None
    world.engine.gate = None
    await processes.until(lambda: outcome(kept, "c"))
    assert await outcome(kept, "c") == "done"


def test_each_role_of_each_supervisor_has_an_owner_of_its_own(tmp_path: Path) -> None:
    settings = ServeSettings(_env_file=None, data_dir=tmp_path, inference_url="http://127.0.0.1:1/v1")
    owners = [role.env["GLADOS_OWNER"] for _ in range(2) for role in roles(settings) if role.name != "valkey"]
    assert owners
    assert len(set(owners)) == len(owners)


# --- innocent turns --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def killed(world: World, redis_url: str) -> AsyncIterator[None]:
    """A worker that is killed at the end: from that moment on nothing of it reaches Redis, and its leases are free."""
    client = connect(redis_url)
    mine = Store(client, "test", ttl=3600, max_exchanges=50, lease_s=600)
    worker = Worker(mine, world.surface, world.client, Pacer(client, mine.prefix), world.settings)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:

        async def nothing(*_: Any) -> None:
            raise StoreUnavailableError("killed")

        mine.run_script = nothing  # type: ignore[method-assign, assignment]
        for _, run, _ in worker._runs.values():
            run.cancel()
        task.cancel()
        await asyncio.gather(*(run for _, run, _ in worker._runs.values()), task, return_exceptions=True)
        await client.aclose()
        for name in await world.store.client.zrange("glados:{test}:ready", 0, -1):
            await world.store.client.zadd("glados:{test}:ready", {str(name): 0})


@pytest.mark.timeout(120)
async def test_no_number_of_deaths_ends_a_turn_that_waits_for_the_budget(world: World, redis_url: str) -> None:
    bucket = "glados:{test}:pace:c"
    await Pacer(world.store.client, world.store.prefix).exhausted(Budget("c", 200, 1.0), 3600)
    await world.say(1)

    async def is_waiting() -> bool:
        asked = await world.store.client.zscore(f"{bucket}:finals", "t1")
        return asked is not None and await world.store.client.hget(f"{HASH}t1", "hand") != "works"

    for _ in range(50):
        await world.store.client.delete(f"{bucket}:finals")
        async with killed(world, redis_url):
            await until(is_waiting)
    await world.store.client.delete(f"{bucket}:closed")
    async with world.working():
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "done"
    assert world.surface.seen("t1") == "Hello **world**"
    assert await world.store.client.hget(f"{HASH}t1", "deaths") is None


@pytest.mark.timeout(120)
async def test_no_number_of_deaths_ends_a_turn_whose_platform_does_not_return(
    world: World, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glados_bots.turns.in_hand.LONGEST_HOLD_S", 0.02)
    world.engine.gate = asyncio.Semaphore(0)  # the model says nothing, so no other work of the turn goes on meanwhile
    asked, dead = asyncio.Event(), asyncio.Event()

    async def hang(*_: Any) -> str:
        asked.set()
        await dead.wait()
        raise LeaseLostError

    async def is_waiting() -> bool:
        if not (asked.is_set() and world.engine.asked):
            return False
        return await world.store.client.hget(f"{HASH}t1", "hand") != "works"

    await world.say(1)
    with monkeypatch.context() as stalled:
        stalled.setattr(world.surface, "post", hang)
        for _ in range(50):
            asked.clear()
            dead.clear()
            world.engine.asked.clear()
            async with killed(world, redis_url):
                await until(is_waiting)
                dead.set()  # it goes on when the process is dead: nothing of a cancelled call is left
    world.engine.gate = None
    async with world.working():
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "done"
    assert world.surface.seen("t1") == "Hello **world**"


async def test_deaths_at_own_work_count_only_one_after_the_other(world: World) -> None:
    """A process is killed at random now and then while a turn's own work goes on: that is no sign of poison."""
    await world.say(1)
    counted = []
    for hand in ["works", "works", "works", None, "works", "works", "waits", "works"]:
        lease = await world.store.claim()
        assert lease
        counted.append(lease.deaths)
        if hand:
            assert await world.store.note_hand(lease, works=hand == "works")
        await world.store.client.zadd("glados:{test}:ready", {"c": 0})
    assert counted == [0, 0, 1, 2, 0, 1, 2, 0]  # the first was not watched yet


async def test_a_turn_that_was_given_back_while_its_work_was_in_hand_has_seen_no_death(world: World) -> None:
    await world.say(1)
    for _ in range(2 * MOST_DEATHS):
        lease = await world.store.claim()
        assert lease
        await world.store.note_hand(lease, works=True)
        await world.store.release(lease)
    lease = await world.store.claim()
    assert lease
    assert (lease.deaths, lease.is_watched, lease.attempts) == (0, False, 1)


async def test_what_has_ended_cannot_be_given_back(world: World) -> None:
    await world.say(1)
    lease = await world.store.claim()
    assert lease
    assert await world.store.finish(lease, None) == "ended"
    await world.say(2)
    following = await world.store.claim()
    assert following
    await world.store.release(lease)
    assert await world.store.renew(following)
    assert await world.store.claim() is None


# --- the note --------------------------------------------------------------------------------------------------------


async def test_watched_turns_work_one_after_the_other_and_waits_are_no_work() -> None:
    floor, most = asyncio.Lock(), 0
    working: set[str] = set()
    budget_has_room = asyncio.Event()

    async def work(name: str) -> None:
        async def write(works: bool) -> None:
            nonlocal most
            await asyncio.sleep(0)
            (working.add if works else working.discard)(name)
            most = max(most, len(working))

        with in_hand.watched(InHand(floor, write)):
            for _ in range(3):
                async with in_hand.works(), in_hand.works():
                    await asyncio.sleep(0)
                    assert working == {name}
                    async with in_hand.waits(), in_hand.waits():
                        assert name not in working
                        await budget_has_room.wait()
                    assert working == {name}

    tasks = [asyncio.create_task(work(f"t{number}")) for number in range(5)]
    await until(lambda: floor._waiters is not None and not floor.locked())
    budget_has_room.set()
    await asyncio.gather(*tasks)
    assert (most, working) == (1, set())


async def test_a_slow_piece_of_work_holds_up_no_other_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glados_bots.turns.in_hand.LONGEST_HOLD_S", 0.01)
    floor, forever = asyncio.Lock(), asyncio.Event()

    async def write(works: bool) -> None:
        del works

    async def work(until: asyncio.Event | None) -> None:
        with in_hand.watched(InHand(floor, write)):
            async with in_hand.works():
                if until:
                    await until.wait()

    slow = asyncio.create_task(work(forever))
    async with asyncio.timeout(15):
        await work(None)
    forever.set()
    await slow
    assert not floor.locked()


async def test_a_request_that_takes_long_is_a_wait_and_what_follows_the_next_wait_is_work_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("glados_bots.turns.in_hand.LONGEST_HOLD_S", 0.01)
    floor, notes = asyncio.Lock(), []

    async def write(works: bool) -> None:
        notes.append(works)

    hand = InHand(floor, write)
    with in_hand.watched(hand):
        async with in_hand.works():
            await until(lambda: notes == [True, False])
            async with in_hand.waits():
                assert notes == [True, False]
            assert notes == [True, False, True]
            await until(lambda: notes == [True, False, True, False])
    assert (hand.pieces, notes, floor.locked()) == (0, [True, False, True, False], False)


async def test_who_is_cancelled_while_waiting_leaves_no_work_in_hand() -> None:
    floor, notes = asyncio.Lock(), []

    async def write(works: bool) -> None:
        notes.append(works)

    async def work() -> None:
        with in_hand.watched(InHand(floor, write)):
            async with in_hand.works(), in_hand.waits():
                await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await until(lambda: notes == [True, False])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert notes == [True, False]
    assert not floor.locked()
