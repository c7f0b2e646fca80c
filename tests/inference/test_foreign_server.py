"""Turns answered by OpenAI-compatible servers that are not ours: what they lack is done without."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from glados_bots.adapter_core import AdapterCore
from glados_bots.conversation import Exchange, Turn
from glados_bots.inference.cards import resolve
from glados_bots.inference.weights import fetch
from glados_bots.settings import Settings
from tests.fakes.surface import MemorySurface
from tests.servers import free_port, running
from tests.waiting import until

ROOT = Path(__file__).parents[2]
LONGEST_S = 240


class Foreign:
    """A server by OpenAI's public description only: no queue, no usage, no context length; `refusals` go first."""

    def __init__(self, *refusals: Response, models: dict[str, Any] | None = None) -> None:
        self.refusals = list(refusals)
        self.models = models
        self.asked: list[dict[str, Any]] = []
        self.at: list[float] = []

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models")
        async def models() -> Response:
            return Response("Internal Server Error", 500) if self.models is None else JSONResponse(self.models)

        @app.post("/v1/chat/completions")
        async def complete(request: Request) -> Response:
            self.asked.append(await request.json())
            self.at.append(time.monotonic())
            if self.refusals:
                return self.refusals.pop(0)
            deltas = [{"role": "assistant"}, {"content": "Hello"}, {"content": " there"}]
            end: dict[str, Any] = {"delta": {}, "finish_reason": "stop"}
            pieces = [*({"delta": delta} for delta in deltas), end]
            lines = [f"data: {json.dumps({'choices': [{'index': 0, **piece}]})}\n\n" for piece in pieces]
            return StreamingResponse(iter([*lines, "data: [DONE]\n\n"]), media_type="text/event-stream")

        return app


@asynccontextmanager
async def adapter(redis_url: str, url: str, **more: Any) -> AsyncIterator[AdapterCore[MemorySurface]]:
    settings = Settings(_env_file=None, redis_url=redis_url, inference_url=f"{url}/v1", join_window=0, **more)
    core = AdapterCore(settings, "test", lambda *_: MemorySurface())
    task = asyncio.create_task(core.run())
    try:
        yield core
    finally:
        await core.worker.drain(0)
        await task
        await core.aclose()


async def answer(core: AdapterCore[MemorySurface], text: str, name: str = "1") -> Exchange:
    await core.intake.accept(Turn(name, "c", "ada", text))

    async def idle() -> bool:
        return (await core.store.load())[0] == 0

    async with asyncio.timeout(LONGEST_S):
        while not await idle():
            await asyncio.sleep(0.05)
    return (await core.store.history("c"))[-1]


async def test_without_queue_usage_and_context_length_a_turn_is_answered(redis_url: str) -> None:
    foreign = Foreign(models={"object": "list", "data": [{"id": "first"}, {"id": "second"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        found = await answer(core, "Hi")
    assert (found.answer, found.model, found.outcome) == ("Hello there", "first", "done")
    assert found.tokens > 0, "estimated, so that limits count something"
    assert foreign.asked[0]["model"] == "first"


async def test_a_model_that_is_named_is_asked_for_even_where_no_list_is(redis_url: str) -> None:
    foreign = Foreign()
    async with running(foreign.app()) as url, adapter(redis_url, url, inference_model="org/name") as core:
        assert (await answer(core, "Hi")).model == "org/name"
    assert foreign.asked[0]["model"] == "org/name"


async def test_a_context_length_that_is_told_bounds_what_is_sent(redis_url: str) -> None:
    foreign = Foreign(models={"data": [{"id": "first"}]})
    async with (
        running(foreign.app()) as url,
        adapter(redis_url, url, inference_context=512, max_answer_tokens=100) as core,
    ):
        for number in range(6):
            await answer(core, f"{number} " + "word " * 200, str(number))
    lengths = [sum(len(message["content"]) for message in each["messages"]) for each in foreign.asked]
    assert max(lengths) < 512 * 4
    assert all(each["messages"][-1]["content"].strip().endswith("word") for each in foreign.asked)


async def test_too_many_requests_and_outages_are_waited_out_as_long_as_is_asked(redis_url: str) -> None:
    foreign = Foreign(
        Response("slow down", 429, {"Retry-After": "1"}), Response("", 503), Response("<html>bad gateway</html>", 502),
        models={"data": [{"id": "first"}]},
    )  # fmt: skip
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        found = await answer(core, "Hi")
    assert found.outcome == "done"
    assert len(foreign.asked) == 4
    assert foreign.at[1] - foreign.at[0] >= 1


async def test_a_refusal_for_good_ends_the_turn_with_the_servers_sentence(redis_url: str) -> None:
    refusal = JSONResponse({"error": {"message": "The model `first` does not exist", "code": "model_not_found"}}, 404)
    foreign = Foreign(refusal, models={"data": [{"id": "first"}]})
    async with running(foreign.app()) as url, adapter(redis_url, url) as core:
        found = await answer(core, "Hi")
        assert found.outcome == "failed"
        assert "does not exist" in core.surface.seen("1")


@pytest.fixture(scope="module")
def transformers_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(URL, model) of the library's own server with the small model."""
    program = Path(sys.executable).with_name("transformers")
    folder, port = fetch(resolve("smollm2_135m")[0], ROOT / "data", None), free_port()
    log = tmp_path_factory.mktemp("serve") / "log"
    command = [str(program), "serve", str(folder), "--dtype", "bfloat16", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env={**os.environ, "HF_HUB_OFFLINE": "1"}, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + LONGEST_S
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", str(folder)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.mark.slow
@pytest.mark.timeout(3 * LONGEST_S)
async def test_transformers_serve_answers_a_turn(redis_url: str, transformers_serve: tuple[str, str]) -> None:
    url, model = transformers_serve
    async with adapter(redis_url, url, inference_model=model, max_answer_tokens=16) as core:
        found = await answer(core, "Say hello")
        await until(lambda: core.surface.seen("1") == found.answer)
    assert found.outcome == "done", found
    assert found.model == model
    assert found.answer.strip()
