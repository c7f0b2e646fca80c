"""Everything a turn meets: a real store and service, a platform in memory, an engine that is told its lines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from glados_bots.conversation import LANGUAGE, Exchange, Turn
from glados_bots.inference.api.app import create_app
from glados_bots.intake.intake import Intake
from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_bots.store.records import Records
from glados_bots.store.store import Store
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.worker import Worker
from glados_bots.wire.client import InferenceClient
from tests.fakes.engine import ScriptedEngine
from tests.fakes.surface import MemorySurface
from tests.servers import running
from tests.waiting import until


@dataclass
class World:
    """Everything a turn meets."""

    store: Store
    surface: MemorySurface
    engine: ScriptedEngine
    client: InferenceClient
    settings: Settings = field(default_factory=lambda: Settings(_env_file=None))

    @property
    def intake(self) -> Intake:
        """The way in."""
        return Intake(self.store, self.settings.join_window)

    @property
    def records(self) -> Records:
        """Votes and people."""
        return Records(self.store)

    def worker(self) -> Worker:
        """A worker that is not yet at work."""
        pacer = Pacer(self.store.client, self.store.prefix)
        return Worker(self.store, self.surface, self.client, pacer, self.settings)

    @asynccontextmanager
    async def working(self, workers: int = 1) -> AsyncIterator[list[Worker]]:
        """Workers while they are needed; what they have not finished then, they give back."""
        crew = [self.worker() for _ in range(workers)]
        tasks = [asyncio.create_task(worker.run()) for worker in crew]
        try:
            yield crew
        finally:
            for worker in crew:
                await worker.drain(0)
            await asyncio.gather(*tasks)

    @asynccontextmanager
    async def dying(self) -> AsyncIterator[Worker]:
        """A worker that is killed at the end: nothing is released."""
        worker = self.worker()
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            for _, run, _ in worker._runs.values():
                run.cancel()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def say(
        self, number: int, conversation: str = "c", text: str = "", author: str = "ada", language: str = ""
    ) -> None:
        """A question, numbered."""
        place = {LANGUAGE: language} if language else {}
        await self.store.accept(Turn(f"t{number}", conversation, author, text or f"question {number}", place=place))

    async def answers(self, conversation: str = "c") -> list[Exchange]:
        """The history."""
        return await self.store.history(conversation)

    async def settled(self, count: int, conversation: str = "c") -> list[Exchange]:
        """The history, once it has so many exchanges and nothing waits."""

        async def is_settled() -> bool:
            return len(await self.answers(conversation)) >= count and not await self.store.queue(conversation)

        await until(is_settled)
        return await self.answers(conversation)


@asynccontextmanager
async def a_world(client: Client, *, lease_s: float = 0.6, **options: object) -> AsyncIterator[World]:
    """A world whose model answers; `options` are those of Settings."""
    engine = ScriptedEngine()
    settings = Settings(_env_file=None, **options)  # type: ignore[arg-type]
    store = Store(client, "test", ttl=3600, max_exchanges=50, lease_s=lease_s)
    async with running(create_app(engine)) as url:
        inference = InferenceClient(f"{url}/v1")
        await until(inference.ready)
        yield World(store, MemorySurface(), engine, inference, settings)
        await inference.aclose()
