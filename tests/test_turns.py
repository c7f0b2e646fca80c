"""The promise: every accepted message gets exactly one final answer, in its own thread, in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from glados_bots.conversation import Exchange, Turn
from glados_bots.errors import GenerationFailedError, PromptTooLongError
from glados_bots.inference.client import InferenceClient
from glados_bots.inference.engine import Delta, Finished, Queued
from glados_bots.inference.service import create_app
from glados_bots.pacing import Pacer
from glados_bots.settings import Settings
from glados_bots.store import Client, Store
from glados_bots.worker import Worker
from tests.fakes.engine import ScriptedEngine
from tests.fakes.surface import MemorySurface
from tests.servers import free_port, running

DONE = Finished("stop", 5, 0, 2)
LONG = "one two three four five six seven eight nine ten"


@dataclass
class World:
    """Everything a turn meets."""

    store: Store
    surface: MemorySurface
    engine: ScriptedEngine
    client: InferenceClient

    def worker(self) -> Worker:
        pacer = Pacer(self.store.client, self.store.prefix)
        return Worker(self.store, self.surface, self.client, pacer, Settings(_env_file=None))

    @asynccontextmanager
    async def working(self, workers: int = 1) -> AsyncIterator[list[Worker]]:
        crew = [self.worker() for _ in range(workers)]
        tasks = [asyncio.create_task(worker.run()) for worker in crew]
        try:
            yield crew
        finally:
            for worker in crew:
                await worker.drain(0)
            await asyncio.gather(*tasks)

    async def say(self, number: int, conversation: str = "c", text: str = "") -> None:
        await self.store.accept(Turn(f"t{number}", conversation, "ada", text or f"question {number}"))

    async def answers(self, conversation: str = "c") -> list[Exchange]:
        return await self.store.history(conversation)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.01)


async def settled(world: World, count: int, conversation: str = "c") -> list[Exchange]:
    """The history, once it has so many exchanges and nothing waits."""
    async with asyncio.timeout(15):
        while len(await world.answers(conversation)) < count or await world.store.queue(conversation):
            await asyncio.sleep(0.02)
    return await world.answers(conversation)


@pytest.fixture
async def world(client: Client) -> AsyncIterator[World]:
    engine = ScriptedEngine()
    store = Store(client, "test", ttl=3600, max_exchanges=50, lease_s=0.6)
    async with running(create_app(engine)) as url:
        inference = InferenceClient(f"{url}/v1")
        while not await inference.ready():
            await asyncio.sleep(0.01)
        yield World(store, MemorySurface(), engine, inference)
        await inference.aclose()


async def test_a_question_is_answered_once_and_kept(world: World) -> None:
    async with world.working():
        await world.say(1)
        (exchange,) = await settled(world, 1)
    assert (exchange.answer, exchange.outcome, exchange.model) == ("Hello **world**", "done", "scripted")
    assert world.surface.seen("t1") == "Hello **world**"
    assert world.surface.last("t1").state == "done"
    assert len(world.surface.ledger) == 1


async def test_a_long_answer_goes_on_in_further_messages_and_full_ones_never_change(world: World) -> None:
    world.engine.script = (*(Delta(f"{word} ") for word in LONG.split()), DONE)
    async with world.working():
        await world.say(1)
        await settled(world, 1)
    assert world.surface.seen("t1") == LONG + " "
    for _, views in list(world.surface.ledger.values())[:-1]:
        full = [view.chunk for view in views if len(view.chunk) == 20]
        assert len(set(full)) == 1


async def test_turns_are_answered_in_order_with_the_history_of_the_ones_before(world: World) -> None:
    async with world.working(workers=3):
        for number in range(6):
            await world.say(number)
        exchanges = await settled(world, 6)
    assert [exchange.turn for exchange in exchanges] == [f"t{number}" for number in range(6)]
    last_prompt = [message.content for message in world.engine.asked[-1][0] if message.role == "user"]
    assert last_prompt == [f"question {number}" for number in range(6)]


async def test_the_place_in_the_models_queue_is_shown(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(0)
    world.engine.script = (Queued(2, 9.0), Delta("x"), DONE)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.ledger and "3 in line, about 9 s" in world.surface.last("t1").notice)
        world.engine.gate.release()
        world.engine.gate.release()
        await settled(world, 1)
    assert world.surface.last("t1").notice == ""


async def test_a_question_behind_another_one_is_told_so_in_the_message_that_will_hold_its_answer(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(0)
    async with world.working():
        await world.say(1)
        await until(lambda: world.engine.asked)
        await world.say(2)
        await until(lambda: any(owner == "t2" for owner, _ in world.surface.ledger.values()))
        assert "Queued" in world.surface.last("t2").notice
        for _ in range(6):
            world.engine.gate.release()
        await settled(world, 2)
    assert [owner for owner, _ in world.surface.ledger.values()] == ["t1", "t2"]


async def test_a_dead_worker_is_followed_by_another_in_the_same_message(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    dead = world.worker()
    running_dead = asyncio.create_task(dead.run())
    await world.say(1)
    await until(lambda: world.surface.seen("t1") == "Hello ")
    for _, task, _ in dead._runs.values():  # killed: nothing is released
        task.cancel()
    running_dead.cancel()
    await asyncio.gather(running_dead, return_exceptions=True)
    world.engine.gate = None
    async with world.working():
        (exchange,) = await settled(world, 1)
    assert exchange.answer == world.surface.seen("t1") == "Hello **world**"
    assert len(world.surface.ledger) == 1


async def test_a_drained_worker_gives_its_turn_back_at_once(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
    world.engine.gate = None
    lease = await world.store.claim()
    assert lease is not None
    assert (lease.attempts, lease.posts) == (1, ("p0",))
    await world.store.release(lease)
    async with world.working():
        await settled(world, 1)
    assert len(world.surface.ledger) == 1


async def test_stop_keeps_what_was_said(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
        await world.store.change("t1", "stop")
        (exchange,) = await settled(world, 1)
        await until(lambda: world.engine.cancelled)
    assert (exchange.answer, exchange.outcome) == ("Hello ", "stopped")
    assert world.surface.last("t1").notice == "Stopped."


async def test_stop_keeps_what_was_said_by_a_worker_that_lost_the_turn(world: World) -> None:
    """A machine under load may miss its heartbeats between the stop and the end: people keep what they saw."""
    world.engine.gate = asyncio.Semaphore(1)
    slow = world.worker()
    running_slow = asyncio.create_task(slow.run())
    await world.say(1)
    await until(lambda: world.surface.seen("t1") == "Hello ")
    for _, task, _ in slow._runs.values():
        task.cancel()
    running_slow.cancel()
    await asyncio.gather(running_slow, return_exceptions=True)
    await world.store.change("t1", "stop")
    async with world.working():
        (exchange,) = await settled(world, 1)
    assert (exchange.answer, exchange.outcome) == ("Hello ", "stopped")
    assert world.surface.seen("t1") == "Hello "


async def test_redo_answers_again_in_place(world: World) -> None:
    async with world.working():
        await world.say(1)
        await world.say(2)
        await settled(world, 2)
        world.engine.script = (Delta("Better"), DONE)
        await world.store.change("t1", "redo", "new question")
        await until(lambda: world.surface.seen("t1") == "Better")
        exchanges = await settled(world, 2)
    assert (exchanges[0].turn, exchanges[0].question, exchanges[0].answer) == ("t1", "new question", "Better")
    assert [m.content for m in world.engine.asked[-1][0] if m.role == "user"] == ["new question"]
    assert len(world.surface.ledger) == 2


async def test_a_question_edited_while_it_is_answered_is_answered_anew(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
        await world.store.change("t1", "redo", "edited")
        await until(lambda: len(world.engine.asked) == 2)
        for _ in range(3):
            world.engine.gate.release()
        (exchange,) = await settled(world, 1)
    assert (exchange.question, exchange.answer) == ("edited", "Hello **world**")
    assert len(world.surface.ledger) == 1


async def test_a_deleted_question_takes_its_answer_with_it(world: World) -> None:
    async with world.working():
        await world.say(1)
        await settled(world, 1)
        await world.store.change("t1", "delete")
        await until(lambda: not world.surface.ledger)
        assert await settled(world, 0) == []


async def test_a_failure_in_the_middle_is_tried_again_and_half_an_answer_is_never_final(world: World) -> None:
    world.engine.script = (Delta("Half"), GenerationFailedError("bang"))
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.ledger and "not reachable" in world.surface.last("t1").notice)
        assert world.surface.last("t1").state == "waiting"
        world.engine.script = (Delta("Whole"), DONE)
        (exchange,) = await settled(world, 1)
    assert exchange.answer == world.surface.seen("t1") == "Whole"


async def test_a_model_that_is_away_is_waited_for(client: Client) -> None:
    port = free_port()
    inference = InferenceClient(f"http://127.0.0.1:{port}/v1")
    world = World(Store(client, "test", ttl=60, max_exchanges=5), MemorySurface(), ScriptedEngine(), inference)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.ledger and "not reachable" in world.surface.last("t1").notice)
        async with running(create_app(world.engine), port):
            (exchange,) = await settled(world, 1)
            assert exchange.outcome == "done"
    await inference.aclose()


async def test_a_prompt_that_is_too_long_loses_its_oldest_exchanges_and_says_so(world: World) -> None:
    async with world.working():
        for number in range(4):
            await world.say(number)
        await settled(world, 4)
        refusals = iter([PromptTooLongError(2000, 900)])

        async def refuse_once(*args: object) -> AsyncIterator[object]:
            error = next(refusals, None)
            if error:
                raise error
            async for event in answer(*args):  # type: ignore[arg-type]
                yield event

        answer = world.engine.generate
        world.engine.generate = refuse_once  # type: ignore[method-assign, assignment]
        await world.say(9, text="long " * 300)
        exchanges = await settled(world, 5)
    assert exchanges[-1].outcome == "done"
    assert "did not fit" in world.surface.last("t9").notice


async def test_a_question_that_alone_is_too_long_gets_an_apology_with_the_figures(world: World) -> None:
    world.engine.script = (PromptTooLongError(2000, 900),)
    async with world.working():
        await world.say(1)
        (exchange,) = await settled(world, 1)
    assert exchange.outcome == "failed"
    assert "2000 tokens" in world.surface.seen("t1")
    assert world.surface.last("t1").state == "failed"


async def test_an_empty_answer_is_an_apology_not_silence(world: World) -> None:
    world.engine.script = (Finished("stop", 5, 0, 0),)
    async with world.working():
        await world.say(1)
        (exchange,) = await settled(world, 1)
    assert exchange.outcome == "failed"
    assert "other words" in world.surface.seen("t1")


async def test_faults_of_the_platform_are_outlasted_without_doubles(world: World) -> None:
    world.surface.faults = [OSError("reset"), TimeoutError("slow")]
    async with world.working():
        await world.say(1)
        await settled(world, 1)
    assert world.surface.seen("t1") == "Hello **world**"
    assert len(world.surface.ledger) == 1


async def test_an_answer_deleted_by_a_user_while_it_grows_is_said_again(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(1)
    async with world.working():
        await world.say(1)
        await until(lambda: world.surface.seen("t1") == "Hello ")
        world.surface.deleted.add("p0")
        world.engine.gate.release()
        world.engine.gate.release()
        await settled(world, 1)
    assert world.surface.ledger["p1"][1][-1].chunk == "Hello **world**"


async def test_a_thread_that_is_gone_ends_its_turn(world: World) -> None:
    world.surface.gone = True
    async with world.working():
        await world.say(1)
        (exchange,) = await settled(world, 1)
    assert exchange.outcome == "failed"


async def test_a_poison_turn_ends_with_an_apology_and_a_dead_letter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poison(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("glados_bots.turns.fit", poison)
    async with world.working():
        await world.say(1)
        (exchange,) = await settled(world, 1)
    assert exchange.outcome == "failed"
    assert "operator" in world.surface.seen("t1")
    assert await world.store.client.zrange("glados:{test}:dead", 0, -1) == ["t1"]


async def test_many_conversations_at_once_never_mix(world: World) -> None:
    async with world.working(workers=2):
        for number in range(30):
            await world.say(number, conversation=f"c{number % 10}")
        for number in range(10):
            exchanges = await settled(world, 3, f"c{number}")
            assert [exchange.turn for exchange in exchanges] == [f"t{n}" for n in range(number, 30, 10)]
    assert len(world.surface.ledger) == 30
