"""The HTTP API: OpenAI's protocol, clear refusals, and no generation without a reader."""

import asyncio
import json

import httpx
import pytest

from glados_bots.errors import (
    ConfigError,
    EngineDeadError,
    FormTooHardError,
    GenerationFailedError,
    PromptRefusedError,
    PromptTooLongError,
    QueueFullError,
)
from glados_bots.inference.api import generation, streaming
from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.service import Service
from glados_bots.wire.events import Delta, Event, Finished, Queued
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import CHAT, body
from tests.servers import running
from tests.waiting import until, until_ready

DONE = Finished("stop", 5, 3, 2)


async def test_a_whole_answer(http: httpx.AsyncClient) -> None:
    answer = (await http.post(CHAT, json=body())).json()
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello **world**", "refusal": None}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] == 7


async def test_a_streamed_answer_with_place_in_the_queue_and_usage(
    engine: ScriptedEngine, http: httpx.AsyncClient
) -> None:
    engine.script = (Queued(2, 7.5), Queued(1, None), Delta("Hi"), DONE)
    response = await http.post(CHAT, json=body(stream=True, stream_options={"include_usage": True}))
    assert response.headers["X-Glados-Queue-Position"] == "2"
    lines = [line for line in response.text.split("\n\n") if line]
    assert ": queue position=2 wait=7.5" in lines
    assert ": queue position=1" in lines
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"]) == "Hi"
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "stop"
    assert chunks[-1]["usage"]["prompt_tokens_details"] == {"cached_tokens": 3}
    assert lines[-1] == "data: [DONE]"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (PromptTooLongError(2000, 900, 1000), 400, "context_length_exceeded"),
        (PromptRefusedError("roles must alternate"), 400, "template_refused"),
        (QueueFullError(9, 12.0), 429, "queue_full"),
        (GenerationFailedError("bang"), 500, "generation_failed"),
        (FormTooHardError("guided_json", "bang"), 400, "form_too_hard"),
        (EngineDeadError("gone"), 503, "engine_dead"),
    ],
)
async def test_errors_of_the_engine(
    engine: ScriptedEngine, http: httpx.AsyncClient, error: Exception, status: int, code: str, *, stream: bool
) -> None:
    engine.script = (error,)
    response = await http.post(CHAT, json=body(stream=stream))
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    if status == 429:
        assert response.headers["Retry-After"] == "12"
    if code == "form_too_hard":
        assert response.json()["error"]["param"] == "guided_json"
    if code == "context_length_exceeded":
        assert response.json()["error"]["max_prompt_tokens"] == 900


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ((Delta("Hal"), GenerationFailedError("bang")), "bang"),
        ((Delta("Hal"), RuntimeError("secret detail")), "an error inside the service"),
        ((Delta("Hal"),), "without finishing"),
    ],
)
async def test_an_error_in_the_middle_is_an_event_and_the_stream_is_never_called_done(
    engine: ScriptedEngine, http: httpx.AsyncClient, script: tuple[Event | Exception, ...], text: str
) -> None:
    engine.script = script
    events = (await http.post(CHAT, json=body(stream=True))).text.strip().split("\n\n")
    assert text in json.loads(events[-1].removeprefix("data: "))["error"]["message"]
    assert "secret detail" not in "".join(events)
    whole = await http.post(CHAT, json=body())
    assert whole.status_code == 500
    assert text in whole.json()["error"]["message"]


async def test_silence_is_filled_with_comments(
    engine: ScriptedEngine, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "KEEP_ALIVE_S", 0.05)
    engine.gate = asyncio.Semaphore(0)
    async with http.stream("POST", CHAT, json=body(stream=True)) as response:
        lines = response.aiter_lines()
        while await anext(lines) != ": still here":
            continue
        for _ in engine.script:
            engine.gate.release()
        assert [line async for line in lines][-2:] == ["data: [DONE]", ""]


async def test_the_first_words_come_at_once_and_later_ones_together(
    engine: ScriptedEngine, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "PIECE_S", 3600.0)  # but the end does not wait
    engine.script = (Delta("a"), *[Delta("b")] * 50, DONE)
    engine.gate = asyncio.Semaphore(1)
    async with http.stream("POST", CHAT, json=body(stream=True)) as response:
        lines = response.aiter_lines()
        while '"content": "a"' not in await anext(lines):
            continue
        for _ in engine.script[1:]:
            engine.gate.release()
        chunks = [json.loads(line[6:]) async for line in lines if line.startswith("data: {")]
    pieces = [text for chunk in chunks if (text := chunk["choices"][0]["delta"].get("content"))]
    assert pieces == ["b" * 50]


async def test_later_words_come_when_their_time_has_come(
    engine: ScriptedEngine, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "PIECE_S", 0.1)
    engine.script = (Delta("a"), Delta("b"), DONE)
    engine.gate = asyncio.Semaphore(1)
    async with http.stream("POST", CHAT, json=body(stream=True)) as response:
        lines = response.aiter_lines()
        for word in "ab":
            while f'"content": "{word}"' not in await anext(lines):  # the end waits for the gate meanwhile
                continue
            engine.gate.release()
        assert [line async for line in lines][-2:] == ["data: [DONE]", ""]


@pytest.mark.parametrize("limit", ["LONGEST_WAIT_S", "LONGEST_ANSWER_S"])
async def test_no_answer_takes_for_ever(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(generation, limit, 0.05)
    engine.gate = asyncio.Semaphore(0 if limit == "LONGEST_WAIT_S" else 1)
    app = create_app(engine)
    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        await until_ready(http)
        response = await http.post(CHAT, json=body())
    assert (response.status_code, response.json()["error"]["code"]) == (503, "too_slow")
    assert engine.cancelled == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("words", [0, 1, 5])
async def test_a_client_that_leaves_cancels_its_generation(
    engine: ScriptedEngine, http: httpx.AsyncClient, words: int, *, stream: bool
) -> None:
    engine.script = (Delta("a"), *[Delta("b")] * 50)
    engine.gate = asyncio.Semaphore(words)
    asking = asyncio.create_task(http.post(CHAT, json=body(stream=stream)))
    await until(lambda: engine.gate and engine.asked and engine.gate.locked())
    asking.cancel()
    await until(lambda: engine.cancelled)
    metrics = (await http.get("/metrics")).text
    assert 'glados_requests_total{outcome="cancelled"} 1.0' in metrics


async def test_while_the_model_loads_health_is_green_ready_is_red_and_requests_are_put_off() -> None:
    engine = ScriptedEngine()
    engine.loading = asyncio.Event()
    async with running(create_app(engine)) as url, httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/health")).is_success
        refused = await http.post(CHAT, json=body())
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        engine.loading.set()
        await until_ready(http)
        engine.fatal = "cuda"
        assert (await http.get("/ready")).status_code == 503


async def test_a_model_that_cannot_be_loaded_ends_the_service() -> None:
    engine = ScriptedEngine()
    engine.load_error = ConfigError("no such model")
    deaths: list[Exception] = []
    async with running(create_app(engine, on_death=deaths.append)):
        await until(lambda: deaths)
    assert str(deaths[0]) == "no such model"


@pytest.mark.parametrize("stream", [False, True])
async def test_when_the_grace_time_is_over_answers_end_with_an_error(
    engine: ScriptedEngine, http: httpx.AsyncClient, service: Service, *, stream: bool
) -> None:
    engine.gate = asyncio.Semaphore(1)
    answer = asyncio.create_task(http.post(CHAT, json=body(stream=stream)))
    await until(lambda: engine.asked)
    await service.drain(0)
    refused = await http.post(CHAT, json=body())
    assert (refused.status_code, (await http.get("/ready")).status_code) == (503, 503)
    response = await answer
    assert response.status_code == (200 if stream else 503)
    assert "shutting down" in response.text
    assert "[DONE]" not in response.text
    assert engine.cancelled == 1


async def test_within_the_grace_time_answers_are_finished(
    engine: ScriptedEngine, http: httpx.AsyncClient, service: Service
) -> None:
    engine.gate = asyncio.Semaphore(1)
    answer = asyncio.create_task(http.post(CHAT, json=body(stream=True)))
    await until(lambda: engine.asked)
    draining = asyncio.create_task(service.drain(60))
    await until(service.why_not_ready)
    assert (await http.get("/ready")).status_code == 503
    for _ in engine.script:
        engine.gate.release()
    assert (await answer).text.endswith("data: [DONE]\n\n")
    await draining


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/v1/models", "/v1/models/scripted"])
async def test_head_is_answered_as_get_without_its_body(http: httpx.AsyncClient, path: str) -> None:
    response = await http.head(path)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == (await http.get(path)).headers["Content-Type"]


async def test_head_of_what_is_no_get_is_refused(http: httpx.AsyncClient) -> None:
    assert (await http.head(CHAT)).status_code == 405
    assert (await http.head("/nothing")).status_code == 404


async def test_scripts_of_the_pages_that_are_named_may_ask_and_no_others(engine: ScriptedEngine) -> None:
    page = "https://tools.example.org"
    app = create_app(engine, api_key="s3cret", cors_origins=[page])
    leave = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        await until_ready(http)
        given = await http.options(CHAT, headers={"Origin": page, **leave})
        assert given.status_code == 200
        assert given.headers["Access-Control-Allow-Origin"] == page
        assert "authorization" in given.headers["Access-Control-Allow-Headers"]
        assert (await http.options(CHAT, headers={"Origin": "https://evil.example", **leave})).status_code == 400
        for key, status in (("s3cret", 200), ("guess", 401)):
            headers = {"Origin": page, "Authorization": f"Bearer {key}"}
            answer = await http.post(CHAT, json=body(), headers=headers)
            assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, page)


async def test_without_the_setting_no_page_may_ask(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/models", headers={"Origin": "https://tools.example.org"})
    assert "Access-Control-Allow-Origin" not in answer.headers
