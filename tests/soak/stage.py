"""Everything that a soak needs to run: the store, the service, the adapters, all as processes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from glados_bots.errors import StoreUnavailableError
from glados_bots.store import embedded
from glados_bots.store.connection import Client, connect, reply_of
from tests.servers import free_port
from tests.soak.far_ends import FarEnd
from tests.soak.parts import API_KEY, Part, python
from tests.soak.plan import Plan

LONGEST_START_S = 120.0


@dataclass
class Stage:
    """The processes and the store's address."""

    redis_url: str
    parts: list[Part] = field(default_factory=list)


@asynccontextmanager
async def stage(plan: Plan, folder: Path, ends: Sequence[FarEnd]) -> AsyncIterator[Stage]:
    """All processes, running; ended in reverse order."""
    port = free_port()
    redis_command = embedded.command(folder)
    found = Stage(f"unix://{redis_command[redis_command.index('--unixsocket') + 1]}")
    common = {
        "GLADOS_REDIS_URL": found.redis_url,
        "GLADOS_INFERENCE_URL": f"http://127.0.0.1:{port}/v1",
        "GLADOS_API_KEY": API_KEY,
        "GLADOS_DATA_DIR": str(folder),
        "GLADOS_LEASE": str(plan.lease_s),
        "GLADOS_JOIN_WINDOW": "0",
        "GLADOS_GRACE": "5",
    }

    def add(name: str, command: list[str], env: dict[str, str], number: int = 0) -> Part:
        part = Part(name, command, env, folder / f"{name}{number or ''}.log")
        found.parts.append(part)
        return part

    try:
        await add("valkey", redis_command, {}).start()
        await add("service", python("-m", "tests.fakes.served_engine", "counted", str(port), "1"), common).start()
        await _prepare(found.redis_url, port, ends)
        for end in ends:
            for number, env in enumerate(end.envs(plan.replicas), 1):
                own = {**common, **env, "GLADOS_OWNER": f"{end.name} {number}"}  # its successor takes its turns over
                await add(end.name, python("-m", "glados_bots", end.name), own, number).start()
        yield found
    finally:
        adapters = [part for part in found.parts if part.name not in {"valkey", "service"}]
        await asyncio.gather(*(part.end() for part in adapters))
        for part in reversed(found.parts):
            await part.end()


async def _prepare(redis_url: str, port: int, ends: Sequence[FarEnd]) -> None:
    """Return when the store and the service are up, and the store has what it must have."""
    client = connect(redis_url)
    try:
        async with asyncio.timeout(LONGEST_START_S):
            await _answers(client, port)
            for end in ends:
                await end.prepare(client)
    finally:
        await client.aclose()


async def _answers(client: Client, port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                await reply_of(client.ping())
                (await http.get(f"http://127.0.0.1:{port}/ready")).raise_for_status()
            except (StoreUnavailableError, httpx.HTTPError):
                await asyncio.sleep(0.1)
            else:
                return
