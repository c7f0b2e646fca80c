"""The process around the service: how it starts, drains and ends. Real processes, real signals."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.api.server import serve
from glados_bots.inference.settings import ServeSettings
from tests.fakes.engine import ScriptedEngine
from tests.servers import free_port
from tests.waiting import until, until_ready

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CHAT = "/v1/chat/completions"
FOREVER = 10**9
KEY = "s3cret-key"


class Served:
    """A process of tests.fakes.served_engine."""

    def __init__(self, process: asyncio.subprocess.Process, http: httpx.AsyncClient) -> None:
        self.process = process
        self.http = http

    async def ask(self, words: int, *, stream: bool) -> httpx.Response:
        """Ask for an answer of so many words."""
        message = {"role": "user", "content": str(words)}
        return await self.http.post(CHAT, json={"model": "scripted", "messages": [message], "stream": stream})

    async def running(self) -> int:
        """Generations in the engine, by the metrics."""
        text = (await self.http.get("/metrics")).text
        started = [line for line in text.splitlines() if line.startswith("glados_time_to_first_token_seconds_count")]
        return int(float(started[0].split()[1]))

    async def end(self) -> tuple[int | None, str]:
        """Exit status and everything it logged."""
        out, _ = await asyncio.wait_for(self.process.communicate(), 30)
        return self.process.returncode, out.decode()


@asynccontextmanager
async def served(case: str, grace_s: float = 1.0) -> AsyncIterator[Served]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.served_engine", case, str(port), str(grace_s)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as http:
        try:
            yield Served(process, http)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def answers(served: Served) -> bool:
    try:
        return (await served.http.get("/health")).is_success
    except httpx.TransportError:
        return False


async def test_sigterm_during_many_answers_ends_each_of_them_in_words_and_the_process_with_0() -> None:
    async with served("endless", grace_s=5.0) as service:  # time enough for the short ones on a busy machine
        await until(lambda: answers(service))
        await until_ready(service.http)
        long = [asyncio.create_task(service.ask(FOREVER, stream=number % 2 == 0)) for number in range(10)]
        short = [asyncio.create_task(service.ask(60, stream=number % 2 == 0)) for number in range(10)]

        async def all_run() -> bool:
            return await service.running() == 20

        await until(all_run)
        service.process.send_signal(signal.SIGTERM)

        async def is_red() -> bool:
            return (await service.http.get("/ready")).status_code == 503

        await until(is_red)
        refused = await service.ask(1, stream=False)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        for response in await asyncio.gather(*short):
            assert response.is_success
            assert '"finish_reason": "stop"' in response.text or '"finish_reason":"stop"' in response.text
        for response in await asyncio.gather(*long):
            assert "shutting down" in response.text
            assert "[DONE]" not in response.text
        status, log = await service.end()
    assert status == 0
    assert "Traceback" not in log
    assert KEY not in log
    assert "word" not in log


async def test_a_second_signal_does_not_wait_for_the_grace_time() -> None:
    async with served("endless") as service:
        await until(lambda: answers(service))
        await until_ready(service.http)
        answer = asyncio.create_task(service.ask(FOREVER, stream=True))

        async def runs() -> bool:
            return await service.running() == 1

        await until(runs)
        service.process.send_signal(signal.SIGINT)
        service.process.send_signal(signal.SIGTERM)
        assert "shutting down" in (await answer).text
        assert (await service.end())[0] == 0


async def test_a_model_that_loads_for_ever_can_be_stopped() -> None:
    async with served("slow_load") as service:
        await until(lambda: answers(service))
        assert (await service.http.get("/ready")).status_code == 503
        service.process.send_signal(signal.SIGTERM)
        assert (await service.end())[0] == 0


async def test_a_model_that_cannot_be_loaded_ends_the_process_with_its_reason() -> None:
    async with served("bad_load") as service:
        status, log = await service.end()
    assert status == 1
    assert log.splitlines()[-1] == "glados: GLADOS_MODEL: no such model"
    assert "Traceback" not in log


async def test_an_engine_that_dies_while_answering_ends_the_process() -> None:
    async with served("dies") as service:
        await until(lambda: answers(service))
        await until_ready(service.http)
        response = await service.ask(1, stream=False)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "engine_dead")
        status, log = await service.end()
    assert status == 1
    assert "out of memory for good" in log


async def test_an_engine_that_dies_while_nobody_asks_ends_the_process() -> None:
    async with served("dies_idle") as service:
        status, log = await service.end()
    assert status == 1
    assert "its thread has ended" in log


async def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    taken = await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)
    async with taken:
        port = taken.sockets[0].getsockname()[1]
        with pytest.raises(ConfigError, match=f"GLADOS_SERVE_PORT={port}: cannot listen .* in use"):
            serve(ScriptedEngine(), ServeSettings(_env_file=None, serve_port=port))


def test_an_address_that_is_not_ours_is_named_with_its_setting() -> None:
    with pytest.raises(ConfigError, match="GLADOS_HOST"):
        serve(ScriptedEngine(), ServeSettings(_env_file=None, host="203.0.113.7"))
