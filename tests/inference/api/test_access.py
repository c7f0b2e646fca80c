"""Who may do what on the service: scopes by route, closed unless opened, limits, and one parser for both headers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Route

from glados_bots.errors import ConfigError, GenerationFailedError, PromptTooLongError, QueueFullError
from glados_bots.inference.api import access
from glados_bots.inference.api.access import SCOPE_OF
from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.guard import OPEN_PATHS
from glados_bots.inference.api.keys import FILE, SCOPES, ApiKey, KeyBook
from glados_bots.inference.run import require_lock
from glados_bots.inference.settings import ServeSettings
from glados_bots.wire.events import Begun, Delta, Event, Finished, Queued
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import CHAT, body
from tests.inference.api.responses.asking import RESPONSES
from tests.servers import running
from tests.waiting import until, until_ready

DONE = Finished("stop", 5, 0, 2)
SPELLINGS: list[Callable[[str], dict[str, str]]] = [
    lambda key: {"Authorization": f"Bearer {key}"},
    lambda key: {"X-Api-Key": key},
]


@pytest.fixture
def book(tmp_path: Path) -> KeyBook:
    return KeyBook(tmp_path)


@pytest.fixture
def app(engine: ScriptedEngine, book: KeyBook) -> FastAPI:
    return create_app(engine, api_key="s3cret", keys=book)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as url, httpx.AsyncClient(base_url=url) as client:
        await until_ready(client)
        yield client


BODIES = {CHAT: body(), RESPONSES: {"model": "scripted", "input": "Hi"}}


def routes(app: FastAPI) -> list[tuple[str, str]]:
    found = [route for route in app.routes if isinstance(route, Route)]
    return [(method, route.path) for route in found for method in sorted(route.methods or ()) if method != "HEAD"]


async def ask(http: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    path_of_one = path.replace("{name:path}", "scripted")
    return await http.request(method, path_of_one, headers=headers, json=BODIES.get(path))


async def test_every_route_is_closed_without_a_key_but_the_probes(app: FastAPI, http: httpx.AsyncClient) -> None:
    assert len(routes(app)) >= len(SCOPE_OF)
    for method, path in routes(app):
        response = await ask(http, method, path, {})
        assert response.status_code == (200 if path in OPEN_PATHS else 401), path


@pytest.mark.parametrize("spelled", SPELLINGS)
async def test_a_key_may_do_what_its_scope_says_and_nothing_else_in_both_spellings(
    app: FastAPI, http: httpx.AsyncClient, book: KeyBook, spelled: Callable[[str], dict[str, str]]
) -> None:
    for scope in SCOPES:
        _, text = book.create(scope, [scope])
        for method, path in routes(app):
            if (method, path) not in SCOPE_OF:
                continue
            needed = SCOPE_OF[method, path]
            response = await ask(http, method, path, spelled(text))
            assert (response.status_code == 403) == (needed not in {None, scope}), (scope, path)
            if needed not in {None, scope}:
                assert response.json()["error"]["code"] == "missing_scope"


async def test_every_route_stands_in_the_table_and_a_new_one_is_closed(app: FastAPI, book: KeyBook) -> None:
    """`/openapi.json` is the one route that is not FastAPI's own kind: it describes what all keys may see."""
    ours = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in set(route.methods or ()) - {"HEAD"}
    }
    assert ours == set(SCOPE_OF)
    assert {path for _, path in routes(app)} - {path for _, path in ours} == {"/openapi.json"}

    @app.get("/new")
    async def new() -> str:
        return "open to all?"

    _, text = book.create("all scopes", SCOPES)
    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/new", headers={"X-Api-Key": text})).status_code == 403
        assert (await http.get("/new", headers={"X-Api-Key": "s3cret"})).status_code == 200


async def test_a_key_that_is_taken_back_is_refused_at_once(http: httpx.AsyncClient, book: KeyBook) -> None:
    key, text = book.create("laptop", ["models"])
    http.headers["Authorization"] = f"Bearer {text}"
    assert (await http.get("/v1/models")).status_code == 200
    book.revoke(key.id)
    assert (await http.get("/v1/models")).status_code == 401


async def test_requests_a_minute(http: httpx.AsyncClient, book: KeyBook, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = book.create("laptop", ["models"], requests_per_minute=3)
    http.headers["Authorization"] = f"Bearer {text}"
    assert [(await http.get("/v1/models")).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = await http.get("/v1/models")
    assert refused.json()["error"]["code"] == "requests_per_minute"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    monkeypatch.setattr(access, "MINUTE_S", 0.0)
    assert (await http.get("/v1/models")).status_code == 200


async def test_tokens_a_day_count_whole_answers_streams_and_those_broken_off(
    http: httpx.AsyncClient, book: KeyBook, engine: ScriptedEngine
) -> None:
    key, text = book.create("laptop", ["chat"], tokens_per_day=1000)
    http.headers["Authorization"] = f"Bearer {text}"
    engine.script = (Delta("a"), Delta("b"), Finished("stop", 5, 0, 2))
    await http.post(CHAT, json=body())
    await until(lambda: book.spent_today(key.id) == 7)
    await http.post(CHAT, json=body(stream=True))
    await until(lambda: book.spent_today(key.id) == 14)
    engine.gate = asyncio.Semaphore(2)
    prompt: list[dict[str, Any]] = [{"role": "user", "content": "x" * 400}]
    async with http.stream("POST", CHAT, json=body(stream=True, messages=prompt)) as response:
        async for line in response.aiter_lines():
            if 'b"}' in line:  # it may come with the first piece
                break
    await until(lambda: book.spent_today(key.id) == 14 + 100 + 2)
    book.spend(key.id, 1000)
    refused = await http.post(CHAT, json=body())
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "tokens_per_day")
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400


async def test_keys_that_cannot_be_read_let_nobody_in_but_the_operator(engine: ScriptedEngine, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    text = f"glados_aaaaaaaa_{'A' * 43}"
    async with running(create_app(engine, keys=KeyBook(tmp_path))) as url, httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/v1/models")).status_code == 401
        refused = await http.get("/v1/models", headers={"X-Api-Key": text})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "keys_unavailable")
        assert str(tmp_path) not in refused.text


async def test_the_first_key_closes_a_service_that_was_open(engine: ScriptedEngine, tmp_path: Path) -> None:
    async with (
        running(create_app(engine, keys=KeyBook(tmp_path))) as url,
        httpx.AsyncClient(base_url=url) as http,
    ):
        await until_ready(http)
        assert (await http.get("/v1/models")).status_code == 200
        key, text = KeyBook(tmp_path).create("first", ["models"])
        assert (await http.get("/v1/models")).status_code == 401
        assert (await http.get("/v1/models", headers={"X-Api-Key": text})).status_code == 200
        KeyBook(tmp_path).revoke(key.id)
        assert (await http.get("/v1/models")).status_code == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "gpu.example"])
def test_an_open_service_is_not_shown_to_others(host: str, tmp_path: Path) -> None:
    settings = ServeSettings(host=host, data_dir=tmp_path)
    with pytest.raises(ConfigError, match=f"GLADOS_HOST={host}.*GLADOS_API_KEY.*glados keys create"):
        require_lock(settings, KeyBook(tmp_path))
    require_lock(settings.model_copy(update={"host": "127.0.0.1"}), KeyBook(tmp_path))
    require_lock(ServeSettings(host=host, api_key="k", data_dir=tmp_path), KeyBook(tmp_path))
    KeyBook(tmp_path).create("first", ["chat"])
    require_lock(settings, KeyBook(tmp_path))


def test_a_right_id_with_a_wrong_secret_takes_the_way_of_a_right_key(
    book: KeyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly one comparison, of whole digests and in constant time, whatever was sent in the form of a key."""
    _, text = book.create("laptop", ["chat"])
    compared: list[int] = []

    def spy(one: bytes, two: bytes) -> bool:
        compared.append(len(one))
        return one == two

    monkeypatch.setattr("glados_bots.inference.api.keys.hmac.compare_digest", spy)
    for given in (text, text[:-4] + "AAAA", "glados_aaaaaaaa_" + "A" * 43):
        book.find(given)
    assert compared == [32, 32, 32]


async def spent_on(book: KeyBook, key: ApiKey, http: httpx.AsyncClient, engine: ScriptedEngine, **fields: Any) -> int:
    """What is counted of a question whose asker leaves before the first word."""
    before = book.spent_today(key.id)
    asking = asyncio.create_task(http.post(CHAT, json=body(**fields)))
    await until(lambda: engine.gate and engine.asked and engine.gate.locked())
    asking.cancel()
    await until(lambda: engine.cancelled)
    return book.spent_today(key.id) - before


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "spent"),
    [
        ((Delta("a"), DONE), 100),
        ((Begun(123), Delta("a"), DONE), 123),
        ((Queued(0, None), Begun(123), Delta("a"), DONE), 123),
        ((Queued(0, None), Delta("a"), DONE), 0),
    ],
    ids=["an engine that does not tell", "read", "waited and read", "only waited"],
)
async def test_what_was_read_is_counted_when_its_asker_leaves_before_the_first_word(
    http: httpx.AsyncClient,
    book: KeyBook,
    engine: ScriptedEngine,
    script: tuple[Event, ...],
    spent: int,
    *,
    stream: bool,
) -> None:
    key, text = book.create("laptop", ["chat"], tokens_per_day=10_000)
    http.headers["Authorization"] = f"Bearer {text}"
    engine.script, engine.gate = script, asyncio.Semaphore(sum(isinstance(event, Begun) for event in script))
    prompt = [{"role": "user", "content": "x" * 400}]
    assert await spent_on(book, key, http, engine, messages=prompt, stream=stream) == spent


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("error", [PromptTooLongError(9, 5, 6), QueueFullError(9, 1.0), GenerationFailedError("bang")])
async def test_what_is_refused_or_lost_costs_nothing(
    http: httpx.AsyncClient, book: KeyBook, engine: ScriptedEngine, error: Exception, *, stream: bool
) -> None:
    key, text = book.create("laptop", ["chat"], tokens_per_day=10_000)
    http.headers["Authorization"] = f"Bearer {text}"
    engine.script = (error,)
    await http.post(CHAT, json=body(stream=stream))
    assert book.spent_today(key.id) == 0


async def test_many_at_once_overshoot_a_quota_by_one_answer_at_most(
    http: httpx.AsyncClient, book: KeyBook, engine: ScriptedEngine
) -> None:
    key, text = book.create("laptop", ["chat"], tokens_per_day=25)
    http.headers["Authorization"] = f"Bearer {text}"
    engine.script, engine.gate = (Delta("a"), Finished("stop", 2, 0, 8)), asyncio.Semaphore(0)
    asking = [asyncio.create_task(http.post(CHAT, json=body(max_tokens=8))) for _ in range(20)]
    await until(lambda: sum(task.done() for task in asking) == 17)
    for _ in range(6):
        engine.gate.release()
    answers = await asyncio.gather(*asking)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.json()["error"]["code"] for answer in refused} == {"tokens_per_day"}
    assert {answer.headers["Retry-After"] for answer in refused} == {"10"}
    assert (len(refused), book.spent_today(key.id)) == (17, 30)
    assert int((await http.post(CHAT, json=body())).headers["Retry-After"]) > 10  # now the day is over


async def test_what_was_set_aside_and_not_used_is_there_again(
    http: httpx.AsyncClient, book: KeyBook, engine: ScriptedEngine
) -> None:
    _, text = book.create("laptop", ["chat"], tokens_per_day=100)
    http.headers["Authorization"] = f"Bearer {text}"
    for number in range(5):
        stream = number % 2 == 0
        assert (await http.post(CHAT, json=body(stream=stream))).status_code == 200  # each may take the whole window
    engine.script = (QueueFullError(9, 1.0),)
    for _ in range(3):
        assert (await http.post(CHAT, json=body())).json()["error"]["code"] == "queue_full"


async def test_the_engine_is_told_whose_request_it_is(
    http: httpx.AsyncClient, book: KeyBook, engine: ScriptedEngine
) -> None:
    key, text = book.create("laptop", ["chat"])
    await http.post(CHAT, json=body(), headers={"X-Api-Key": text})
    await http.post(CHAT, json=body(), headers={"X-Api-Key": "s3cret"})
    assert engine.callers == [key.id, ""]
