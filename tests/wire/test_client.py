"""The client: the engine's events over the wire, and every way a service can fail."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from glados_bots.conversation import Message, Picture
from glados_bots.errors import (
    ConfigError,
    GenerationFailedError,
    InferenceError,
    PromptTooLongError,
    QueueFullError,
    RequestRejectedError,
    ServiceUnavailableError,
)
from glados_bots.inference.api import streaming
from glados_bots.inference.api.app import create_app
from glados_bots.wire import client as client_module
from glados_bots.wire.client import InferenceClient
from glados_bots.wire.events import Delta, Finished, Queued
from glados_bots.wire.model_list import ModelInfo
from glados_bots.wire.reply import ReplyEvent
from tests.fakes.engine import ScriptedEngine
from tests.servers import free_port, running
from tests.waiting import until

QUESTION = [Message("user", "Hi")]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def client(engine: ScriptedEngine) -> AsyncIterator[InferenceClient]:
    async with running(create_app(engine, api_key="k")) as url:
        client = InferenceClient(f"{url}/v1", "k")
        await until(client.ready)
        yield client
        await client.aclose()


async def ask(client: InferenceClient) -> list[ReplyEvent]:
    """All events; words that follow one another are joined, because they come by the clock."""
    events: list[ReplyEvent] = []
    async for event in client.stream(QUESTION, model="scripted", max_tokens=5):
        if isinstance(event, Delta) and events and isinstance(last := events[-1], Delta):
            events[-1] = Delta(last.text + event.text)
        else:
            events.append(event)
    return events


async def test_events_arrive_as_the_engine_said_them(engine: ScriptedEngine, client: InferenceClient) -> None:
    end = Finished("length", 5, 3, 2)
    engine.script = (Queued(1, 2.5), Delta("né "), Delta("🙂"), end)
    assert await ask(client) == [Queued(1, 2.5), Delta("né 🙂"), end]
    assert engine.asked[0][1].max_tokens == 5


async def test_what_a_foreign_model_thinks_is_folded_away(engine: ScriptedEngine, client: InferenceClient) -> None:
    """Our service does it itself; another endpoint may send it as a part of the answer."""
    engine.script = (Delta("<thi"), Delta("nk>Hm"), Delta("m.</think>\n\nYe"), Delta("s."), Finished("stop", 5, 3, 2))
    assert await ask(client) == [Delta("Yes."), Finished("stop", 5, 3, 2)]


async def test_models_say_how_long_a_conversation_may_be(client: InferenceClient) -> None:
    assert await client.models() == [ModelInfo("scripted", 1000, sees=False, thinking_levels=())]


async def test_too_long_a_prompt_comes_with_its_figures(engine: ScriptedEngine, client: InferenceClient) -> None:
    engine.script = (PromptTooLongError(2000, 900, 1000),)
    with pytest.raises(RequestRejectedError) as caught:
        await ask(client)
    error = caught.value
    assert (error.code, error.prompt_tokens, error.max_prompt_tokens) == ("context_length_exceeded", 2000, 900)


async def test_a_full_queue_says_when_to_come_back(engine: ScriptedEngine, client: InferenceClient) -> None:
    engine.script = (QueueFullError(9, 12.0),)
    with pytest.raises(ServiceUnavailableError) as caught:
        await ask(client)
    assert caught.value.retry_after == 12.0


async def test_a_failure_in_the_middle_is_not_an_end(engine: ScriptedEngine, client: InferenceClient) -> None:
    engine.script = (Delta("Hal"), GenerationFailedError("bang"))
    with pytest.raises(ServiceUnavailableError, match="failed in the middle") as caught:
        await ask(client)
    assert "bang" in caught.value.in_full


async def test_nobody_there() -> None:
    client = InferenceClient(f"http://127.0.0.1:{free_port()}/v1")
    with pytest.raises(ServiceUnavailableError, match="does not answer"):
        await ask(client)
    assert not await client.ready()
    await client.aclose()


@asynccontextmanager
async def foreign(content: bytes, status: str = "200 OK", headers: bytes = b"") -> AsyncIterator[InferenceClient]:
    """A client of a server that answers everything with these bytes and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\n".encode() + headers + b"\r\n" + content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = InferenceClient(f"http://127.0.0.1:{port}/v1")
        yield client
        await client.aclose()


WORD = b'data: {"choices":[{"delta":{"content":"Hal"},"finish_reason":null}]}\n\n'
HALF = rb'data: {"choices":[{"delta":{"content":"\ude42"}}]}' + b"\n\n"
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (WORD + END, "Hal"),  # neither usage nor [DONE]
        (WORD.replace(b"\n", b"\r\n") + END.replace(b"\n", b"\r\n") + b"data: [DONE]\r\n\r\n", "Hal"),
        (b"event: message\nid: 1\n" + WORD.replace(b"data: ", b"data:") + b": comment\n\n" + END, "Hal"),
        ('data: {"choices":[{"delta":{"content":"a\u2028b\x85c"}}]}\n\n'.encode() + END, "a\u2028b\x85c"),
        (WORD + b'data: {"choices":[],"usage":[]}\n\n' + END.strip(), "Hal"),
        (rb'data: {"choices":[{"delta":{"content":"a\ud83d"}}]}' + b"\n\n" + HALF + END, "a🙂"),
        (HALF + HALF + WORD + END, "\N{REPLACEMENT CHARACTER}" * 2 + "Hal"),
        (b'data: {"choices":[{"delta":null},{}],"usage":{"prompt_tokens":"x"}}\n\n' + WORD + END, "Hal"),
        (WORD + b"data: [DONE]\n\n", "Hal"),
        (b"data: {oops\n\ndata: [1]\n\n" + WORD + b'data: {"choices":5}\n\ndata: ping\n\n' + END, "Hal"),
        (b"data: " + b"[" * 100_000 + b"\n\n" + WORD + END, "Hal"),
    ],
)
async def test_other_servers_are_understood(content: bytes, text: str) -> None:
    async with foreign(content) as client:
        events = await ask(client)
    assert "".join(event.text for event in events if isinstance(event, Delta)) == text
    assert events[-1] == Finished("stop", 0, 0, 0)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (WORD, "broke off"),
        (b"<html>Please log in</html>", "broke off"),
        (WORD + b'data: {"error":"plain words"}\n\n', "failed in the middle"),
        (WORD + b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n', "failed in the middle"),
        (b"data: " + b"x" * 3_000_000, "a line without an end"),
        (b"", "broke off"),
    ],
)
async def test_what_is_no_whole_answer_is_no_answer(content: bytes, text: str) -> None:
    async with foreign(content) as client:
        with pytest.raises(ServiceUnavailableError, match=text):
            await ask(client)


@pytest.mark.parametrize("talks", [False, True])
async def test_a_server_that_never_hangs_up_is_not_waited_for(talks: bool) -> None:
    """Whether it falls silent after its last word, or says more and more."""
    over, gone = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + WORD + b"data: [DONE]\n\n")
        with suppress(ConnectionError):
            while talks and not over.is_set():
                writer.write(b": and so on\n\n")
                await writer.drain()
                await asyncio.sleep(0.01)
            await over.wait()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        gone.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        client = InferenceClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        assert await ask(client) == [Delta("Hal"), Finished("stop", 0, 0, 0)]
        await client.aclose()
        over.set()
        await gone.wait()


async def test_a_refusal_in_the_middle_is_for_good_and_keeps_its_figures() -> None:
    error = {
        "message": "too long",
        "type": "invalid_request_error",
        "code": "context_length_exceeded",
        "prompt_tokens": 2000,
        "max_prompt_tokens": 900,
    }
    async with foreign(b"data: " + json.dumps({"error": error}).encode() + b"\n\n") as client:
        with pytest.raises(RequestRejectedError) as caught:
            await ask(client)
    assert (caught.value.code, caught.value.prompt_tokens) == ("context_length_exceeded", 2000)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "retry_after"),
    [
        ("503 Service Unavailable", b"Retry-After: 7\r\n", ServiceUnavailableError, 7.0),
        ("429 Too Many Requests", b"Retry-After: soon\r\n", ServiceUnavailableError, None),
        ("502 Bad Gateway", b"", ServiceUnavailableError, None),
        ("307 Temporary Redirect", b"Location: http://example.org/\r\n", RequestRejectedError, None),
        ("403 Forbidden", b"", RequestRejectedError, None),
    ],
)
async def test_refusals_without_openais_shape(
    status: str, headers: bytes, kind: type[InferenceError], retry_after: float | None
) -> None:
    async with foreign(b"<html>no</html>", status, headers) as client:
        with pytest.raises(kind, match=f"status {status[:3]}") as caught:
            await ask(client)
        assert "html" not in str(caught.value)
        assert "html" in caught.value.in_full
        with pytest.raises(kind):
            await client.models()
        assert not await client.ready()
    assert getattr(caught.value, "retry_after", None) == retry_after


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"[" * 100_000, b'{"data":5}', b'{"data":[5]}', b'{"data":[{"name":"x"}]}', b"\xff"],
)
async def test_a_strange_list_of_models_is_a_service_that_is_away(content: bytes) -> None:
    async with foreign(content) as client:
        with pytest.raises(ServiceUnavailableError, match="list of models"):
            await client.models()


async def test_a_service_without_a_model_is_not_ready_yet() -> None:
    async with foreign(b'{"object":"list","data":[]}') as client:
        with pytest.raises(ServiceUnavailableError, match="no model yet"):
            await client.models()


@pytest.mark.parametrize("key", ["s3cret\n", "s3 cret", "cl\u00e9", "\t"])
def test_a_key_no_header_can_carry_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(ConfigError, match="GLADOS_API_KEY: only") as from_client:
        InferenceClient("http://127.0.0.1/v1", key)
    with pytest.raises(ConfigError, match="GLADOS_API_KEY: only") as from_service:
        create_app(ScriptedEngine(), api_key=key)
    assert "cret" not in f"{from_client.value}{from_service.value}"


async def test_leaving_a_stream_cancels_its_generation(engine: ScriptedEngine, client: InferenceClient) -> None:
    engine.gate = asyncio.Semaphore(1)
    async with aclosing(client.stream(QUESTION, model="scripted")) as events:
        assert await anext(events) == Delta("Hello ")
    await until(lambda: engine.cancelled)


async def test_a_service_that_falls_silent_is_given_up(
    engine: ScriptedEngine, client: InferenceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.gate = asyncio.Semaphore(1)
    monkeypatch.setattr(client._http, "timeout", httpx.Timeout(0.2))
    with pytest.raises(ServiceUnavailableError, match="ReadTimeout"):
        await ask(client)


async def test_who_asks_for_the_list_of_models_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    monkeypatch.setattr(client_module, "LIST_S", 0.2)
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    client = InferenceClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    with pytest.raises(ServiceUnavailableError, match="ReadTimeout"):
        await client.models()
    await client.aclose()
    await left.wait()
    server.close()


async def test_a_waiting_client_is_not_given_up_while_the_service_says_that_it_lives(
    engine: ScriptedEngine, client: InferenceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client._http, "timeout", httpx.Timeout(0.5))
    monkeypatch.setattr(streaming, "KEEP_ALIVE_S", 0.1)
    engine.gate = asyncio.Semaphore(0)
    asking = asyncio.create_task(ask(client))
    await until(lambda: engine.asked)
    await asyncio.sleep(1.0)  # twice the longest silence
    for _ in engine.script:
        engine.gate.release()
    assert await asking == [Delta("Hello **world**"), engine.script[-1]]


async def test_a_wrong_key_is_refused_for_good(client: InferenceClient) -> None:
    wrong = InferenceClient(str(client._http.base_url), "wrong")
    with pytest.raises(RequestRejectedError) as caught:
        await ask(wrong)
    assert caught.value.status == httpx.codes.UNAUTHORIZED
    await wrong.aclose()


async def test_pictures_are_parts_before_the_words_and_other_messages_stay_plain_words() -> None:
    asked: list[Any] = []
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        asked.append(await request.json())
        return JSONResponse({"choices": [{"message": {"content": "A cat."}, "finish_reason": "stop"}]})

    pictures = (Picture("AAAA", "image/png", 2, 1), Picture("BBBB", "image/jpeg", 1, 1))
    messages = [
        Message("system", "Be kind."),
        Message("user", "What is it?", pictures),
        Message("user", "", pictures[:1]),
    ]
    async with running(app) as url:
        client = InferenceClient(f"{url}/v1")
        events = [event async for event in client.stream(messages, model="m")]
        await client.aclose()
    assert events[0] == Delta("A cat.")
    png = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    jpeg = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,BBBB"}}
    assert [message["content"] for message in asked[0]["messages"]] == [
        "Be kind.",
        [png, jpeg, {"type": "text", "text": "What is it?"}],
        [png, {"type": "text", "text": " "}],  # some servers want a text beside each picture
    ]
