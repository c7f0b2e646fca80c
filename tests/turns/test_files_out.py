"""Files of answers under everything that happens to turns: one each, with the very bytes, and gone with the answer."""

import asyncio
import base64
import json
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import pytest

from glados_bots.conversation import Message, Turn
from glados_bots.store.connection import Client
from glados_bots.store.store import Edited
from glados_bots.surface import OutFile, View
from glados_bots.wire.events import Delta, Event, Finished, Sampling
from glados_bots.wording.sentence import say
from tests.fakes.engine import ScriptedEngine
from tests.turns.filing import LIMITS, MESSAGES, store
from tests.turns.world import World, a_world
from tests.waiting import until

DONE = Finished("stop", 5, 0, 2)
SHORT = (Delta("Short"), DONE)
WORDS = tuple(f"Word {number:03} of it. " for number in range(12))  # a message of the fake platform each
LONG = "".join(WORDS)
FOLLOWS, IN_FILE = str(say("file-follows")), str(say("whole-in-file", file="answer.md"))
FILE = OutFile("answer.md", LONG.encode())


@pytest.fixture
async def world(client: Client) -> AsyncIterator[World]:
    async with a_world(client, lease_s=0.3) as found:
        found.surface.files_out = LIMITS
        found.engine.script = (*map(Delta, WORDS), DONE)
        yield found


def messages(world: World, turn: str = "t1") -> list[View]:
    """What people see under a question."""
    return [views[-1] for owner, views in world.surface.ledger.values() if owner == turn]


async def test_a_long_answer_ends_as_one_message_and_one_file(world: World) -> None:
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert exchange.answer == LONG
    assert messages(world) == [View(LONG[:20], IN_FILE, "done", is_last=True, files=(FILE,))]


async def test_while_it_grows_three_messages_are_shown_and_the_last_says_that_it_continues(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(10)
    async with world.working():
        await world.say(1)
        await until(lambda: len(messages(world)) == 3 and messages(world)[-1].notice == FOLLOWS)
        assert [view.chunk for view in messages(world)] == [LONG[:20], LONG[20:40], LONG[40:60]]
        assert [view.is_last for view in messages(world)] == [False, False, True]
        world.engine.gate.release()
        world.engine.gate.release()
        world.engine.gate.release()
        await world.settled(1)
    assert len(messages(world)) == 1
    assert len(world.surface.by_nonce) == 3, "no fourth message was ever made"


async def test_the_next_worker_shows_no_more_of_a_long_draft(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(10)
    async with world.dying():
        await world.say(1)
        await until(lambda: len(messages(world)) == 3 and messages(world)[-1].notice == FOLLOWS)
    world.engine.gate = asyncio.Semaphore(0)
    async with world.working():
        await until(lambda: len(world.engine.asked) == 2)
        await until(lambda: messages(world)[-1].state == "waiting")
        assert [view.chunk for view in messages(world)] == [LONG[:20], LONG[20:40], LONG[40:60]]
        for _ in range(13):
            world.engine.gate.release()
        await world.settled(1)
    assert messages(world)[-1].files == (FILE,)
    assert len(world.surface.by_nonce) == 3


async def test_a_stopped_answer_has_its_file_too(world: World) -> None:
    world.engine.gate = asyncio.Semaphore(8)
    async with world.working():
        await world.say(1)
        await until(lambda: len(messages(world)) == 3 and messages(world)[-1].notice == FOLLOWS)
        await world.store.change("t1", "stop")
        (exchange,) = await world.settled(1)
    (view,) = messages(world)
    assert exchange.outcome == view.state == "stopped"
    assert view.files == (OutFile("answer.md", exchange.answer.encode()),)
    assert view.notice == f"{IN_FILE} {say('stopped')}"


async def test_an_apology_has_no_file(world: World) -> None:
    world.engine.script = (Finished("stop", 5, 0, 0),)
    async with world.working():
        await world.say(1)
        (exchange,) = await world.settled(1)
    assert exchange.outcome == "failed"
    assert len(exchange.answer) > 3 * 20
    assert len(messages(world)) > 3
    assert all(not view.files for view in messages(world))


@pytest.mark.parametrize("edited", [None, Edited("another question")])
async def test_a_new_answer_takes_the_old_file_away_at_once_and_for_good(world: World, edited: Edited | None) -> None:
    async with world.working():
        await world.say(1)
        await world.settled(1)
        world.engine.script, world.engine.gate = SHORT, asyncio.Semaphore(0)
        await world.store.change("t1", "redo", *([edited] if edited else []))
        await until(lambda: not messages(world)[-1].files)
        world.engine.gate.release()
        world.engine.gate.release()
        await until(lambda: messages(world)[-1].state == "done")
        await world.settled(1)
    assert messages(world) == [View("Short", "", "done", is_last=True)]


async def test_a_new_long_answer_replaces_the_file(world: World) -> None:
    async with world.working():
        await world.say(1)
        await world.settled(1)
        world.engine.script = (Delta("New. "), *map(Delta, WORDS), DONE)
        await world.store.change("t1", "redo")
        await until(lambda: messages(world)[-1].files == (OutFile("answer.md", f"New. {LONG}".encode()),))
        await world.settled(1)
    assert len(messages(world)) == 1


async def test_a_deleted_question_takes_its_file_with_it(world: World) -> None:
    async with world.working():
        await world.say(1)
        await world.settled(1)
        await world.store.change("t1", "delete")
        await until(lambda: not world.surface.ledger)


async def test_an_end_that_is_shown_again_has_the_same_file(world: World) -> None:
    world.surface.longest_call_s = 3600.0
    world.engine.gate = asyncio.Semaphore(8)
    async with world.dying():
        await world.say(1)
        await until(lambda: len(messages(world)) == 3)
    world.engine.gate = None
    again = f"{world.store.prefix}again"
    async with world.working():
        await world.settled(1)
        end = messages(world)
        (post,) = world.surface.ledger
        world.surface.ledger[post][1].append(View("old words", "", "writing", is_last=True))  # a late call
        await until(lambda: world.store.client.zcard(again))
        await world.store.client.zadd(again, {"t1": (time.time() - 1) * 1000}, xx=True)
        await until(lambda: messages(world) == end)
    assert end[-1].files == (FILE,)


async def test_code_leaves_the_message_when_the_answer_has_ended(world: World) -> None:
    code = "\n".join(f"x = {number}" for number in range(61))
    world.engine.script = (Delta("Do:\n```python\n"), Delta(code), Delta("\n```\n"), DONE)
    async with world.working():
        await world.say(1)
        await world.settled(1)
    assert messages(world)[-1].files == (OutFile("code.py", f"{code}\n".encode()),)
    assert world.surface.seen("t1").split() == f"Do: {say('code-in-file', file='code.py', count=61)}".split()


# --- kills -----------------------------------------------------------------------------------------------------------

MANY, KILLS = 200, 8


class LongAnswers(ScriptedEngine):
    """Answers each question with 20 kB of its own."""

    async def generate(
        self, model: str, messages: Sequence[Message], sampling: Sampling, caller: str = ""
    ) -> AsyncGenerator[Event]:
        """Write in pieces."""
        del model, sampling, caller
        for piece in pieces(messages[-1].content):
            yield Delta(piece)
            await asyncio.sleep(0)
        yield DONE


def pieces(question: str) -> list[str]:
    return [f"{question}, part {number}: {'some words ' * 450}\n\n" for number in range(4)]


@pytest.fixture
async def long_world(client: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Messages are as long as Discord's, and answers ten times as long."""
    monkeypatch.setattr("tests.fakes.surface.LIMIT", 2_000)
    monkeypatch.setattr("tests.turns.world.ScriptedEngine", LongAnswers)
    async with a_world(client, lease_s=0.3, join_window=0) as found:
        found.surface.files_out = LIMITS
        yield found


async def test_two_hundred_long_answers_under_kills_have_one_file_each_with_their_bytes(long_world: World) -> None:
    world, kills = long_world, 0
    for number in range(MANY):
        await world.say(number, f"c{number}")

    def ended() -> int:
        return sum(views[-1].state == "done" for _, views in world.surface.ledger.values())

    while ended() < MANY * 3 // 4:
        wanted = ended() + MANY // KILLS // 2
        async with world.dying():
            await until(lambda: ended() >= wanted)  # noqa: B023 - called in this round only
        kills += 1
    async with world.working(workers=2):
        answers = [exchange for number in range(MANY) for exchange in await world.settled(1, f"c{number}")]
    assert kills > KILLS // 2
    assert len(answers) == MANY
    for exchange in answers:
        (view,) = messages(world, exchange.turn)
        assert exchange.answer == "".join(pieces(exchange.question))
        assert view.files == (OutFile("answer.md", exchange.answer.encode()),)
        assert view.chunk == exchange.answer[:2_000]


@pytest.mark.timeout(120)
async def test_one_file_each_is_left_after_processes_were_killed(long_world: World, redis_url: str) -> None:
    count, kills = 30, 3
    kept = store(redis_url)
    for number in range(count):
        await kept.accept(Turn(f"t{number}", f"c{number}", "ada", f"question {number}"))

    async def shown() -> list[dict[str, Any]]:
        return [json.loads(message) for message in (await kept.client.hgetall(MESSAGES)).values()]

    async def ended() -> int:
        return sum(message["state"] == "done" for message in await shown())

    async def is_over() -> bool:
        return not [number for number in range(count) if await kept.queue(f"c{number}")]

    command = (sys.executable, "-m", "tests.turns.filing", redis_url, str(long_world.client._http.base_url))
    for kill in range(kills + 1):
        child = await asyncio.create_subprocess_exec(*command)
        wanted = (kill + 1) * count // (kills + 2)

        async def is_time() -> bool:
            return await is_over() if kill == kills else await ended() >= wanted  # noqa: B023 - called in this round only

        try:
            await until(is_time)
        finally:
            child.send_signal(signal.SIGKILL)
            await child.wait()
    found = await shown()
    assert sorted(message["turn"] for message in found) == sorted(f"t{number}" for number in range(count))
    for message in found:
        (exchange,) = await kept.history(f"c{message['turn'][1:]}")
        ((name, content),) = message["files"]
        assert name == "answer.md"
        assert base64.b64decode(content).decode() == exchange.answer == "".join(pieces(exchange.question))
    await kept.client.aclose()
