"""Forty questions through the loss of a Redis server: what test_sentinel.py and test_cluster.py have in common."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.settings import Settings
from glados_bots.store.store import Store
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.worker import Worker
from glados_bots.wire.client import InferenceClient
from tests.fakes.scripted_model import ScriptedModel
from tests.fakes.surface import MemorySurface
from tests.servers import running

LONGEST_S = 60


async def insist(store: Store, turn: Turn) -> None:
    """Accept as a platform's retries do: the same event again until it was taken in."""
    async with asyncio.timeout(LONGEST_S):
        while True:
            with contextlib.suppress(StoreUnavailableError):
                await store.accept(turn)
                return
            await asyncio.sleep(0.1)


async def require_all_answered_once(store: Store, kill: Callable[[], Awaitable[None]]) -> None:
    """Ask half of the questions, kill, ask the other half; each must be answered once, and in order."""
    model, surface = ScriptedModel(), MemorySurface()
    model.gate.set()
    questions = [Turn(f"t{number}", f"c{number % 10}", "ada", f"question {number}") for number in range(40)]
    async with running(model.app()) as url:
        client = InferenceClient(f"{url}/v1")
        worker = Worker(store, surface, client, Pacer(store.client, store.prefix), Settings(_env_file=None))
        working = asyncio.create_task(worker.run())
        for turn in questions[:20]:
            await insist(store, turn)
        await kill()
        for turn in questions[20:]:
            await insist(store, turn)
        async with asyncio.timeout(LONGEST_S):
            while True:
                with contextlib.suppress(StoreUnavailableError):
                    histories = [await store.history(f"c{number}") for number in range(10)]
                    if sum(map(len, histories)) >= 40 and (await store.load())[0] == 0:
                        break
                await asyncio.sleep(0.1)
        await worker.drain(0)
        await working
        await client.aclose()
    for number, history in enumerate(histories):
        assert [exchange.turn for exchange in history] == [turn.id for turn in questions[number::10]]
    for turn in questions:
        assert surface.seen(turn.id) == "Hello **world**!", turn.id
