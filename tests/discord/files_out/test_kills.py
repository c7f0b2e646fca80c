"""An adapter that is killed at any step of an answer with files leaves each file once."""

import asyncio
import signal
from contextlib import ExitStack
from typing import Any

from tests.discord.conftest import World
from tests.discord.files_out.test_files import ANSWER, CODE, files
from tests.discord.test_processes import adapter
from tests.fakes.discord import MessageRecord

MESSAGES, MESSAGE = "/channels/*/messages", "/channels/*/messages/*"
DONE: dict[str, Any] = {"after_commit": True, "drop": True}


def steps(late: asyncio.Event) -> list[dict[str, Any]]:
    """Calls at which a process dies: after Discord has carried them out, or, for the last one, long before."""
    upload = {"method": "PATCH", "path": MESSAGE, "uploads": True}
    return [{"method": "POST", "path": MESSAGES, **DONE}, {**upload, **DONE}, {**upload, "held_by": late}]


async def test_each_file_stands_once_whatever_step_a_process_dies_at(world: World) -> None:
    world.script(*(ANSWER[start : start + 300] for start in range(0, len(ANSWER), 300)))
    late, answers, fake = asyncio.Event(), list[MessageRecord](), world.fake
    with ExitStack() as adapters:
        working = adapters.enter_context(adapter(world))
        await world.until(lambda: fake.gateway.identified)
        for count, step in enumerate(steps(late), start=2):
            fault = fake.faults.add(**step)
            question = await world.ask()
            await world.until(lambda: fault.hits)  # noqa: B023 - awaited here
            working.send_signal(signal.SIGKILL)
            working.wait(10)
            working = adapters.enter_context(adapter(world))
            await world.until(lambda: fake.gateway.identified == count)  # noqa: B023
            answers.append(await world.answered(question, "That is all."))
            assert len(fake.answers(world.thread(question))) == 1
        called = len(fake.ledger.requests)
        late.set()  # now Discord carries out the last call of a process that is long dead
        await world.until(lambda: any(one.method == "PATCH" for one in fake.ledger.requests[called:]))
    for answer in answers:
        found = files(answer)
        assert set(found) == {"code.py", "table.csv"}
        assert found["code.py"] == CODE.encode()
