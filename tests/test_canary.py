"""Secrets and people's words, planted everywhere, must not come out in logs, metrics, errors or pages."""

import logging
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest
from pydantic import SecretStr

from glados_bots.errors import ConfigError, GladosError
from glados_bots.inference.api.app import create_app as create_service
from glados_bots.inference.api.keys import KeyBook
from glados_bots.settings import Settings, load
from glados_bots.wire.events import Delta, Finished
from glados_web.app import create_app as create_page
from glados_web.chats import new_conversation
from glados_web.door.door import COOKIE
from glados_web.settings import WebSettings
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import CHAT, body
from tests.servers import free_port, running
from tests.waiting import until_ready

API_KEY, PASSWORD, CLIENT_SECRET = "canary-api-key-1", "canary-password-2", "canary-client-secret-3"
WORDS, ANSWER = "canary-words-4", "canary-answer-5"
CLIENTS = {"httpcore", "httpx", "asyncio"}  # of this test; glados_bots/logs.py keeps our own quiet
HTML = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


async def test_no_secret_and_no_word_comes_out(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything at DEBUG: questions, refusals, failures, a model that is away, a wrong password, odd requests."""
    caplog.set_level(logging.DEBUG)
    _, named = KeyBook(tmp_path).create("named", ["models"])
    engine = ScriptedEngine(Delta(ANSWER), Finished("stop", 1, 0, 1))
    seen: list[str] = []
    service = create_service(engine, api_key=API_KEY, keys=KeyBook(tmp_path))
    async with running(service) as inference, httpx.AsyncClient(base_url=inference, trust_env=False) as http:
        await until_ready(http)
        http.headers["Authorization"] = f"Bearer {API_KEY}"
        for headers in ({}, {"Authorization": f"Bearer {named}"}, {"Authorization": f"Bearer {named[:-2]}xx"}):
            bodies = (body(model=WORDS[:3], user=WORDS), {"messages": WORDS}, body(temperature=WORDS))
            seen += [(await http.post(CHAT, json=content, headers=headers)).text for content in bodies]
        engine.script = (RuntimeError("boom"),)
        await http.post(CHAT, json=body())
        engine.script = (Delta(ANSWER), Finished("stop", 1, 0, 1))
        settings = Settings(
            redis_url=SecretStr(redis_url), inference_url=f"{inference}/v1", api_key=SecretStr(API_KEY), grace=1
        )
        cookie = await use_the_page(settings, seen)
        seen.append((await http.get("/metrics")).text)
    seen += [generate_latest().decode(), repr(settings), await doctor_says(settings)]
    ours = [record for record in caplog.records if record.name.split(".")[0] not in CLIENTS]
    said = [logging.Formatter("%(name)s %(message)s").format(record) for record in ours]
    assert len(said) > 20
    secrets = [API_KEY, PASSWORD, CLIENT_SECRET, named.split("_", 2)[2], cookie]
    for secret in secrets:
        assert [line for line in [*said, *seen] if secret in line] == []
    for words in (WORDS, ANSWER):
        assert [line for line in said if words in line] == []


async def use_the_page(settings: Settings, seen: list[str]) -> str:
    """Ask, fail and be refused on the page; returns the cookie of the session."""
    web = WebSettings(
        password=SecretStr(PASSWORD),
        public_url="http://localhost:1",
        oidc_issuer=f"http://127.0.0.1:{free_port()}",
        oidc_client_id="x",
        oidc_client_secret=SecretStr(CLIENT_SECRET),
        oidc_emails="@x.example",
    )
    seen.append(repr(web))
    async with running(create_page(settings, web)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as visitor:
        visitor.headers.update(HTML)
        guesses = ("wrong canary", PASSWORD)
        seen += [(await visitor.post("/sign-in", data={"password": guess})).text for guess in guesses]
        seen.append((await visitor.get("/sign-in/oidc")).text)
        seen.append((await visitor.get(f"/sign-in/callback?code={WORDS}&state={WORDS}")).text)
        chat = f"/c/{new_conversation()}"
        turn = (await visitor.post(f"{chat}/messages", json={"text": WORDS, "key": "k"})).json()["turn"]
        await visitor.get(f"{chat}/turns/{turn}")
        seen.append(
            (
                await visitor.post(
                    f"{chat}/messages", content=f'{{"text": "{WORDS}"', headers={"Content-Type": "application/json"}
                )
            ).text
        )
        seen.append((await visitor.get("/status")).text)
        return str(visitor.cookies[COOKIE])


async def doctor_says(settings: Settings) -> str:
    """What settings that are wrong make the program say."""
    try:
        load(Settings, redis_url=f"http://{API_KEY}@x", inference_url=str(settings.inference_url))
    except ConfigError as error:
        return str(error)
    raise GladosError("a wrong URL was taken")
