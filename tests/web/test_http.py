"""The page over HTTP: who may do what, what is refused and how, and which headers protect it."""

import asyncio
import json
import os
import re
import signal
import socket
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from glados_bots.errors import ConfigError
from glados_bots.settings import Settings
from glados_web.app import create_app
from glados_web.chats import new_conversation
from glados_web.door.door import COOKIE
from glados_web.run import run
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.waiting import until
from tests.web.conftest import english

JSON = {"Content-Type": "application/json"}


async def ask(visitor: httpx.AsyncClient, conversation: str, text: str, key: str = "k1") -> str:
    response = await visitor.post(f"/c/{conversation}/messages", json={"text": text, "key": key})
    assert response.status_code == 202, response.text
    return str(response.json()["turn"])


async def events(visitor: httpx.AsyncClient, conversation: str, turn: str) -> list[dict[str, Any]]:
    """All views of an answer until its stream ends."""
    response = await visitor.get(f"/c/{conversation}/turns/{turn}")
    assert response.headers["content-type"].startswith("text/event-stream")
    return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]


async def test_question_is_answered_and_stays(visitor: httpx.AsyncClient) -> None:
    conversation = new_conversation()
    turn = await ask(visitor, conversation, "Who are you?")
    last = (await events(visitor, conversation, turn))[-1]
    assert (last["state"], last["markdown"]) == ("done", "Hello **world**!")
    page = await visitor.get("/", follow_redirects=True)
    assert page.url.path == f"/c/{conversation}"
    assert "<strong>world</strong>" in page.text
    assert "Who are you?" in page.text


async def test_same_key_is_one_question(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    conversation = new_conversation()
    turns = {await ask(visitor, conversation, "Once only", key="same") for _ in range(3)}
    assert len(turns) == 1
    await events(visitor, conversation, turns.pop())
    assert len(model.prompts) == 1


async def test_second_question_comes_with_the_first(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    conversation = new_conversation()
    for key in ("first", "second"):
        await events(visitor, conversation, await ask(visitor, conversation, key, key))
    assert [message["content"] for message in model.prompts[1][1:]] == ["first", "Hello **world**!", "second"]


async def test_a_typed_command_sets_how_much_the_model_thinks_in_this_chat(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.levels = ["on", "off"]
    conversation = new_conversation()

    async def told(text: str) -> str:
        response = await visitor.post(f"/c/{conversation}/messages", json={"text": text, "key": text})
        return str(response.json()["told"])

    assert await told("/thinking off") == english("thinking-set", level="off")
    await events(visitor, conversation, await ask(visitor, conversation, "/thinking is hard work"))
    assert model.fields[-1].get("reasoning_effort") == "none"
    assert await told("/thinking high") == english("no-such-thinking", level="high", levels=("`on`", "`off`"))
    assert await told("/thinking default") == english("thinking-unset")
    assert await told("/thinking") == english("thinking-is-default", levels=("`on`", "`off`"))
    await events(visitor, conversation, await ask(visitor, conversation, "Now?", "k2"))
    assert "reasoning_effort" not in model.fields[-1]
    assert [prompt[-1]["content"] for prompt in model.prompts] == ["/thinking is hard work", "Now?"]
    assert "/thinking is hard work" in (await visitor.get(f"/c/{conversation}")).text  # the title is the first question


async def test_stop_keeps_what_was_said(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    model.gate.clear()
    conversation = new_conversation()
    turn = await ask(visitor, conversation, "Speak")
    last: dict[str, Any] = {}
    async with asyncio.timeout(10), visitor.stream("GET", f"/c/{conversation}/turns/{turn}") as response:
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                last = json.loads(line[6:])
            if line and "world" in "".join(last.get("blocks", [])) and last["state"] == "writing":
                assert (await visitor.post(f"/c/{conversation}/turns/{turn}/stop", json={})).status_code == 200
    assert (last["state"], last["markdown"], last["notice"]) == ("stopped", "Hello **world**", english("stopped"))
    await until(lambda: model.dropped == 1)


async def test_redo_answers_again(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    conversation = new_conversation()
    turn = await ask(visitor, conversation, "Speak")
    await events(visitor, conversation, turn)
    model.pieces = ["Another ", "answer"]
    assert (await visitor.post(f"/c/{conversation}/turns/{turn}/redo", json={})).status_code == 200
    assert (await events(visitor, conversation, turn))[-1]["markdown"] == "Another answer"
    page = await visitor.get(f"/c/{conversation}")
    assert "Another answer" in page.text
    assert "<strong>world</strong>" not in page.text


async def test_clear_and_delete(visitor: httpx.AsyncClient) -> None:
    conversation = new_conversation()
    await events(visitor, conversation, await ask(visitor, conversation, "A secret plan"))
    assert (await visitor.post(f"/c/{conversation}/clear", json={})).status_code == 200
    page = await visitor.get(f"/c/{conversation}")
    assert page.status_code == 200
    assert "A secret plan" not in page.text
    assert (await visitor.post(f"/c/{conversation}/delete", json={})).status_code == 200
    assert conversation not in (await visitor.get("/", follow_redirects=True)).text


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b'{"text": "", "key": "k"}', 400, "empty"),
        (b'{"text": " \\n ", "key": "k"}', 400, "empty"),
        (b'{"text": "\\u200b\\u3164", "key": "k"}', 400, "empty"),
        (b'{"text": 5, "key": "k"}', 400, "empty"),
        (b'{"text": "hi"}', 400, "key"),
        (b'{"text": "hi", "key": ""}', 400, "key"),
        (b'"text"', 400, "form"),
        (b"not json", 400, "form"),
        (b"[" * 20_000, 400, "form"),
        (b'{"text": "\xff", "key": "k"}', 400, "UTF-8"),
        (json.dumps({"text": "x" * 2001, "key": "k"}).encode(), 413, english("page-too-long", length=2001, most=2000)),
        (json.dumps({"text": "x" * 1_000_000, "key": "k"}).encode(), 413, english("page-message-too-long", most=2000)),
    ],
)
async def test_bad_question(visitor: httpx.AsyncClient, body: bytes, status: int, says: str) -> None:
    response = await visitor.post(f"/c/{new_conversation()}/messages", content=body, headers=JSON)
    assert response.status_code == status
    assert says in response.json()["error"]


async def test_odd_characters_are_answered(visitor: httpx.AsyncClient) -> None:
    conversation = new_conversation()
    body = json.dumps({"text": "half \ud83d a pair, \x00 zero", "key": "k"}).encode()
    response = await visitor.post(f"/c/{conversation}/messages", content=body, headers=JSON)
    turn = response.json()["turn"]
    assert (await events(visitor, conversation, turn))[-1]["state"] == "done"


async def test_full_queue_says_so(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    model.gate.clear()
    conversation = new_conversation()
    for number in range(10):
        await ask(visitor, conversation, "again", key=str(number))
    response = await visitor.post(f"/c/{conversation}/messages", json={"text": "again", "key": "last"})
    assert response.status_code == 429
    assert response.json() == {"error": english("queue-full", count=10)}


async def test_a_limit_that_is_reached_is_told_with_the_time_it_resets(settings: Settings) -> None:
    limited = settings.model_copy(update={"limit_user_per_minute": 1})
    async with running(create_app(limited)) as site, httpx.AsyncClient(base_url=site, trust_env=False) as visitor:
        await visitor.get("/")
        conversation = new_conversation()
        turn = await ask(visitor, conversation, "one", key="1")
        await events(visitor, conversation, turn)
        for path, body in (("messages", {"text": "two", "key": "2"}), (f"turns/{turn}/redo", {})):
            response = await visitor.post(f"/c/{conversation}/{path}", json=body)
            assert response.status_code == 429
            assert re.search(r"ask again in \d+ sec", response.json()["error"])


ACTIONS = ["messages", "turns/{turn}/stop", "turns/{turn}/redo", "clear", "delete"]


@pytest.mark.parametrize("path", ACTIONS)
@pytest.mark.parametrize("cookie", ["other", "made up", "none"])
async def test_chats_are_their_owners_alone(visitor: httpx.AsyncClient, site: str, path: str, cookie: str) -> None:
    conversation = new_conversation()
    turn = await ask(visitor, conversation, "Mine")
    await events(visitor, conversation, turn)
    async with httpx.AsyncClient(base_url=site, trust_env=False) as stranger:
        if cookie == "other":
            await stranger.get("/")
        elif cookie == "made up":
            stranger.cookies.set(COOKIE, "A" * 43)
        url = f"/c/{conversation}/{path.format(turn=turn)}"
        expected = 403 if path == "messages" and cookie != "other" else 404
        response = await stranger.post(url, json={"text": "Yours?", "key": "k2"})
        assert response.status_code == expected, response.text
        for url in (f"/c/{conversation}", f"/c/{conversation}/turns/{turn}"):
            assert (await stranger.get(url)).status_code == 404
    assert "Mine" in (await visitor.get(f"/c/{conversation}")).text


async def test_turns_of_another_chat_are_out_of_reach(visitor: httpx.AsyncClient, site: str) -> None:
    conversation, other = new_conversation(), new_conversation()
    turn = await ask(visitor, conversation, "Mine")
    await events(visitor, conversation, turn)
    async with httpx.AsyncClient(base_url=site, trust_env=False) as stranger:
        await stranger.get("/")
        await ask(stranger, other, "Theirs")
        assert [view["state"] for view in await events(stranger, other, turn)] == ["removed"]
        for action in ("stop", "redo"):
            assert (await stranger.post(f"/c/{other}/turns/{turn}/{action}", json={})).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
@pytest.mark.parametrize("path", ACTIONS)
async def test_other_sites_change_nothing(visitor: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    conversation = new_conversation()
    turn = await ask(visitor, conversation, "Mine")
    url = f"/c/{conversation}/{path.format(turn=turn)}"
    response = await visitor.post(url, content=b'{"text": "x", "key": "k2"}', headers=JSON | headers)
    assert response.status_code == 403
    assert response.json() == {"error": english("door-other-page")}


@pytest.mark.parametrize(
    "path", ["/", "/health", "/code.css", "/static/app.js", "/static/none", "/c/none", "/nowhere", "/c/x/turns/y"]
)
async def test_headers_protect_every_response(visitor: httpx.AsyncClient, path: str) -> None:
    headers = (await visitor.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"


async def test_cookie_is_safe_and_never_taken_from_the_client(visitor: httpx.AsyncClient, site: str) -> None:
    del visitor
    async with httpx.AsyncClient(base_url=site, trust_env=False, cookies={COOKIE: "planted"}) as victim:
        given = (await victim.get("/", headers={"X-Forwarded-Proto": "https"})).headers["set-cookie"]
    assert "planted" not in given
    assert len(given.split("=")[1].split(";")[0]) == 43
    for word in ("HttpOnly", "SameSite=lax", "Secure"):
        assert word in given


async def test_own_error_has_the_headers_too(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(*_: object) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr("glados_web.door.sessions.Sessions.find", crash)
    transport = httpx.ASGITransport(create_app(settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(base_url="http://localhost", transport=transport) as client:
        response = await client.get("/")
    assert response.status_code == 500
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "bug" not in response.text


async def test_store_away(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": SecretStr("unix:///nowhere/valkey.sock")})
    transport = httpx.ASGITransport(create_app(away))
    async with httpx.AsyncClient(base_url="http://localhost", transport=transport) as client:
        client.cookies.set(COOKIE, "A" * 43)
        sent = await client.post("/c/x/messages", json={"text": "hi", "key": "k"})
        shown = await client.get("/", headers={"Accept": "text/html"})
    assert sent.status_code == shown.status_code == 503
    assert sent.json() == {"error": english("page-store-unreachable")}
    assert 'http-equiv="refresh"' in shown.text


def test_port_taken_names_the_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigError, match="GLADOS_WEB_PORT"):
            run(Settings(web_port=other.getsockname()[1]))


async def test_open_streams_end_when_the_server_closes(settings: Settings, model: ScriptedModel) -> None:
    model.gate.clear()
    app = create_app(settings)
    async with running(app) as site, httpx.AsyncClient(base_url=site, trust_env=False) as visitor:
        await visitor.get("/")
        conversation = new_conversation()
        turn = await ask(visitor, conversation, "Speak")
        reading = asyncio.create_task(events(visitor, conversation, turn))
        await model.reached.wait()
        app.state.closing.set()
        async with asyncio.timeout(5):
            assert all(view["state"] != "done" for view in await reading)


async def test_page_ends_when_its_worker_breaks(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it would take questions that nobody answers."""

    async def crash(_: object) -> None:
        raise RuntimeError("bug")

    killed: list[tuple[int, int]] = []
    monkeypatch.setattr("glados_bots.turns.worker.Worker.run", crash)
    monkeypatch.setattr("os.kill", lambda *args: killed.append(args))
    async with running(create_app(settings)):
        pass
    assert killed == [(os.getpid(), signal.SIGTERM)]
