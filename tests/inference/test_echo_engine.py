"""The engine without a model: it repeats the question, and keeps the engine's contract as one with a model does."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from glados_bots.cli.doctor import _model
from glados_bots.conversation import Message
from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.api.app import create_app
from glados_bots.inference.echo_engine import EchoEngine
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.run import build_engine
from glados_bots.inference.settings import ServeSettings
from glados_bots.wire.events import Delta, Sampling, Tool, ToolUse
from tests.servers import free_port, running
from tests.waiting import until, until_ready

ROOT = Path(__file__).parents[2]
LONG = "word " * 5_000


@pytest.fixture
def engine(tmp_path: Path) -> EchoEngine:
    return EchoEngine(None, EngineOptions(tmp_path, max_running=1))


@pytest.fixture
async def client(engine: EchoEngine) -> AsyncIterator[openai.AsyncOpenAI]:
    app = create_app(engine)
    async with running(app) as url:
        await until(lambda: app.state.service.why_not_ready() is None)
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
            yield client


async def ask(client: openai.AsyncOpenAI, text: str, **options: Any) -> Any:
    """An answer of the service, to a question behind a system message of two words."""
    messages: Any = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}]
    return await client.chat.completions.create(model="echo", messages=messages, **options)


@pytest.mark.parametrize(
    ("options", "said", "reason", "words"),
    [
        ({}, "one  two\nthree four", "stop", 4),
        ({"max_tokens": 2}, "one  two\n", "length", 2),
        ({"max_tokens": 4}, "one  two\nthree four", "stop", 4),
        ({"stop": ["o\nt", "four"]}, "one  tw", "stop", 2),
        ({"stop": ["four"], "max_tokens": 3}, "one  two\nthree ", "length", 3),
        ({"stop": ["one"]}, "", "stop", 0),
    ],
)
async def test_the_question_comes_back_as_far_as_was_asked_for(
    client: openai.AsyncOpenAI, options: dict[str, Any], said: str, reason: str, words: int
) -> None:
    answer = await ask(client, "one  two\nthree four", **options)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (said, reason)
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (6, words)


async def test_it_is_streamed(client: openai.AsyncOpenAI) -> None:
    stream = await ask(client, "🙂 " * 20, stream=True, stream_options={"include_usage": True})
    *chunks, last = [chunk async for chunk in stream]
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
    assert "".join(pieces) == "🙂 " * 20
    assert len(pieces) > 1
    assert last.usage.completion_tokens == 20


async def test_who_leaves_ends_the_answer_and_makes_room_for_who_waits(
    engine: EchoEngine, client: openai.AsyncOpenAI
) -> None:
    first = await ask(client, LONG, stream=True)
    await anext(aiter(first))
    second = asyncio.create_task(ask(client, "and I?"))
    await until(lambda: engine.stats().waiting)
    await first.close()
    assert (await second).choices[0].message.content == "and I?"
    await until(lambda: not engine.stats().running)


async def test_what_does_not_fit_its_window_is_refused_with_the_figures(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="maximum context length is 8192 tokens") as caught:
        await ask(client, LONG * 2)
    assert caught.value.code == "context_length_exceeded"


def test_it_is_built_whatever_model_is_named_and_the_doctor_knows_it() -> None:
    settings = ServeSettings(_env_file=None, engine="echo", model="no/such")
    assert build_engine(settings).models == ("echo",)
    (check,) = _model(settings)
    assert (check.state, check.finding) == ("ok", "echo: repeats the question, without weights")


@pytest.mark.slow
async def test_glados_serve_runs_it_where_there_is_no_torch(tmp_path: Path) -> None:
    for missing in ("torch", "transformers"):
        (tmp_path / f"{missing}.py").write_text("raise ImportError('not here')")
    port = free_port()
    modules = ":".join(map(str, (tmp_path, ROOT, ROOT / "adapters")))
    env = {"GLADOS_SERVE_PORT": str(port), "GLADOS_DATA_DIR": str(tmp_path), "PYTHONPATH": modules}
    command = [sys.executable, "-m", "glados_bots", "serve", "--engine", "echo"]
    process = subprocess.Popen(command, env={**os.environ, **env}, cwd=tmp_path)
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            await until(lambda: answers(http))
            await until_ready(http)
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
            assert (await ask(client, "Are you there?")).choices[0].message.content == "Are you there?"
    finally:
        process.terminate()
    assert process.wait(30) == 0


async def answers(http: httpx.AsyncClient) -> bool:
    """Whether somebody listens there."""
    try:
        return (await http.get("/health")).is_success
    except httpx.TransportError:
        return False


async def test_it_calls_no_tools_and_says_so(engine: EchoEngine) -> None:
    tools = (Tool("f"),)
    free, must = (ToolUse(tools, frozenset(["f"]), required=required) for required in (False, True))
    said = [event async for event in engine.generate("", [Message("user", "Hi")], Sampling(tools=free))]
    assert Delta("Hi") in said
    with pytest.raises(ParameterRefusedError, match="serve a model"):
        await anext(engine.generate("", [Message("user", "Hi")], Sampling(tools=must)))
