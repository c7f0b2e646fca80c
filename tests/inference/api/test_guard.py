"""What stands before the routes and what is said about them: refusals, the key, the log, the metrics."""

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from glados_bots.errors import QueueFullError
from glados_bots.inference.api import guard
from glados_bots.inference.api.app import create_app
from glados_bots.inference.api.chat.requests import ChatRequest
from glados_bots.inference.api.guard import OPEN_PATHS
from glados_bots.wire.events import Delta, Finished
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import CHAT, JSON, body
from tests.servers import running

DONE = Finished("stop", 5, 3, 2)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"{", "not valid JSON"),
        (b'{"model": "\xff"}', "UTF-8"),
        (json.dumps({"model": "scripted", "messages": []}).encode(), "messages"),
        (json.dumps(body(n=9)).encode(), "n"),
        (json.dumps(body(temperature=9)).encode(), "temperature"),
        (json.dumps(body(max_tokens=0)).encode(), "max_tokens"),
        (json.dumps(body(tools=[{}])).encode(), "tools"),
        (json.dumps(body(messages=[{"role": "user", "content": "  "}])).encode(), "message with text"),
        (json.dumps(body(messages=[{"role": "clerk", "content": "x"}])).encode(), "role"),
        (b'{"model":"scripted","messages":[{"role":"user","content":"x"}],"temperature":NaN}', "temperature"),
    ],
)
async def test_bad_requests_name_the_field(http: httpx.AsyncClient, content: bytes, text: str) -> None:
    response = await http.post(CHAT, content=content, headers=JSON)
    assert response.status_code == 400
    assert text in response.json()["error"]["message"]


numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([float("nan"), float("inf"), 10**400, -(10**400), 2**63, 1e308]),
    st.text(max_size=5),
    st.none(),
    st.booleans(),
    st.lists(st.integers(), max_size=3),
)
fields = st.sampled_from([*ChatRequest.model_fields, "messages"])


async def test_whatever_is_in_the_fields_there_is_an_answer_or_a_refusal(http: httpx.AsyncClient) -> None:
    @settings(max_examples=200, deadline=None)
    @given(st.dictionaries(fields, numbers, max_size=4))
    def collect(values: dict[str, Any]) -> None:
        bodies.append(json.dumps(body(**values)).encode())

    bodies: list[bytes] = []
    collect()
    for content in bodies:
        response = await http.post(CHAT, content=content, headers=JSON)
        assert response.status_code in {200, 400, 404}, content
        assert response.is_success or response.json()["error"]["message"]
    assert (await http.post(CHAT, json=body())).is_success


async def test_garbage_never_ends_the_service(http: httpx.AsyncClient) -> None:
    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=200))
    def collect(content: bytes) -> None:
        bodies.append(content)

    bodies = [b"[" * 500_000, b'{"a":' * 100_000, b"1" * 10_000, b"", b"null", b'"x"', b"\x1f\x8b\x08\x00"]
    collect()
    for content in bodies:
        for path in (CHAT, "/v1/models", "/metrics", "/ready", "/health", "/"):
            response = await http.post(path, content=content, headers=JSON)
            assert response.status_code == (400 if path == CHAT else 404 if path == "/" else 405)
            assert response.json()["error"]["code"]
    assert (await http.post(CHAT, json=body())).is_success


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "route_not_found"),
        ("GET", "//health", 404, "route_not_found"),
        ("GET", "/v1/models/other", 404, "model_not_found"),
        ("GET", "/v1/models/", 404, "model_not_found"),
        ("GET", CHAT, 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
    ],
)
async def test_other_refusals_have_the_same_shape(
    http: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await http.request(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert ("Allow" in response.headers) == (status == 405)


async def test_a_body_that_is_no_json_by_its_header_is_refused(http: httpx.AsyncClient) -> None:
    response = await http.post(CHAT, content=json.dumps(body()))
    assert response.status_code == 400
    assert "Content-Type: application/json" in response.json()["error"]["message"]


@pytest.mark.parametrize("says_its_length", [True, False])
async def test_too_large_a_body_is_refused_before_it_is_read(
    engine: ScriptedEngine, http: httpx.AsyncClient, *, says_its_length: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 600_000

    content = b"x" * 60_000_000 if says_its_length else pieces()
    response = await http.post(CHAT, content=content, headers=JSON)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")
    assert not engine.asked


async def test_only_long_texts_make_a_body_large(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    """JSON of many small values would take ten times its bytes in memory, and more."""
    content = b'{"messages": [' + b"{}," * 1_200_000 + b"{}]}"
    response = await http.post(CHAT, content=content, headers=JSON)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")
    words = [{"role": "user", "content": "x" * 1_100_000}] * 2
    response = await http.post(CHAT, json=body(messages=words))
    assert "the texts may have at most" in response.json()["error"]["message"]
    assert not engine.asked


async def test_all_large_bodies_together_are_bounded(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, engine: ScriptedEngine
) -> None:
    monkeypatch.setattr(guard, "MOST_LARGE_BYTES", 4_000_000)
    large = body(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x" * 3_000_000}}]}])
    assert (await http.post(CHAT, json=large)).json()["error"]["code"] == "image_not_supported"
    assert (await http.post(CHAT, json=large)).json()["error"]["code"] == "image_not_supported"  # the first has gone
    monkeypatch.setattr(guard, "MOST_LARGE_BYTES", 2_500_000)
    response = await http.post(CHAT, json=large)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "10")
    assert (await http.post(CHAT, json=body())).is_success
    assert len(engine.asked) == 1


async def test_a_megabyte_of_text_is_taken(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    text = "word " * 200_000
    assert (await http.post(CHAT, json=body(messages=[{"role": "user", "content": text}]))).is_success
    assert engine.asked[-1][0][0].content == text


WRONG_KEYS: list[list[tuple[str, str]]] = [
    [],
    [("Authorization", "Bearer wrong")],
    [("Authorization", "Bearer s3cretx")],
    [("Authorization", "Bearer")],
    [("Authorization", "s3cret")],
    [("Authorization", "Basic s3cret")],
    [("Authorization", "Bearer s3cret"), ("Authorization", "Bearer s3cret")],
    [("X-Api-Key", "wrong")],
    [("X-Api-Key", "")],
    [("X-Api-Key", "Bearer s3cret")],
    [("X-Api-Key", "s3cret"), ("X-Api-Key", "s3cret")],
    [("X-Api-Key", "s3cret"), ("Authorization", "Bearer s3cret")],
    [("X-Api-Key", "s3cret"), ("Authorization", "Basic YTpi")],
    [("Host", "x/health?")],
]


async def test_with_a_key_everything_but_the_probes_needs_it_and_it_is_shown_nowhere() -> None:
    engine = ScriptedEngine()
    app = create_app(engine, api_key="s3cret")
    async with running(app) as url, httpx.AsyncClient(base_url=url) as http:
        routes = [route.path for route in cast("list[Route]", app.routes) if route.path not in OPEN_PATHS]
        for path in (*routes, "/docs", "/nothing", "/health/", "//health", "/health%2f"):
            for headers in WRONG_KEYS:
                response = await http.get(path, headers=headers)
                assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer"), path
        assert (await http.get("/health")).is_success
        for name, value in (
            ("X-Api-Key", "s3cret"),
            ("Authorization", "Bearer s3cret"),
            ("Authorization", "bearer  s3cret"),
        ):
            assert (await http.post(CHAT, json=body(), headers={name: value})).is_success
        http.headers["Authorization"] = "Bearer s3cret"
        assert "s3cret" not in (await http.get("/metrics")).text


async def test_metrics_count_what_happened(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    await http.post(CHAT, json=body())
    await http.post(CHAT, json=body(model="other"))
    engine.script = (QueueFullError(9, 1.0),)
    await http.post(CHAT, json=body(stream=True))
    text = (await http.get("/metrics")).text
    assert 'glados_requests_total{outcome="stop"} 1.0' in text
    assert 'glados_requests_total{outcome="queue_full"} 1.0' in text
    assert 'glados_errors_total{code="model_not_found"} 1.0' in text
    assert 'glados_errors_total{code="queue_full"} 1.0' in text
    assert 'glados_tokens_total{kind="completion"} 2.0' in text
    assert "glados_time_to_first_token_seconds_count 1.0" in text
    assert "glados_inter_token_seconds_count 1.0" in text
    assert "glados_kv_pages_used 3.0" in text
    assert "glados_requests_waiting 1.0" in text
    assert "glados_ready 1.0" in text


async def test_the_log_says_what_was_asked_for_and_never_what_was_said(
    engine: ScriptedEngine, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    canary = "canary-4711"
    engine.script = (Delta(canary), DONE)
    answer = await http.post(CHAT, json=body(user=canary, messages=[{"role": "user", "content": canary}]))
    await http.post(CHAT, json=body(messages=[{"role": canary, "content": canary}], temperature=canary))
    await http.get(f"/{canary}%0Aforged%1b[31m?q={canary}")
    ours = [record for record in caplog.records if record.name.startswith(("glados_bots", "uvicorn"))]
    lines = [record.getMessage() for record in ours]
    assert any(f"POST {CHAT} 200 in" in line for line in lines)
    assert len(answer.headers["X-Request-Id"]) == 32
    assert any("GET (no route) 404 in" in line for line in lines)
    assert not [line for line in lines if canary in line or "\n" in line or "\x1b" in line]
