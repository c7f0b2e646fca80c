"""`/status`: what runs, what waits, which model; strangers learn no more than whether all is well."""

import asyncio
import json
import re

import httpx
import pytest
from pydantic import SecretStr

from glados_bots.conversation import Exchange, Turn
from glados_bots.operations import audit
from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_bots.store.store import Store
from glados_web.app import create_app
from glados_web.chats import new_conversation
from glados_web.settings import WebSettings
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.waiting import until
from tests.web.conftest import PASSWORD, browser, english, words_of


def counts(page: str, platform: str) -> list[str]:
    """What the status page counts of a platform, from top to bottom."""
    rows = [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row) for row in page.split("<tr>")[1:]]
    column = rows[0].index(platform)
    return [row[column] for row in rows[1:]]


async def test_it_says_what_runs_what_waits_and_which_model(site: str, model: ScriptedModel) -> None:
    model.gate.clear()
    async with browser(site) as client:
        await client.get("/")
        await client.post(f"/c/{new_conversation()}/messages", json={"text": "A private matter", "key": "k"})
        await model.reached.wait()
        shown = await client.get("/status")
    assert shown.status_code == 200
    for words in (
        english("status-well"),
        "scripted",
        english("status-context", count=4096),
        english("status-web-page"),
    ):
        assert words in shown.text, words
    assert counts(shown.text, english("status-web-page")) == ["1", "0", "1"]
    assert "private" not in shown.text


async def test_it_renews_itself_without_a_script_until_told_to_hold_still(site: str) -> None:
    async with browser(site) as client:
        moving, still = await client.get("/status"), await client.get("/status?still")
    assert moving.headers["refresh"] == "5; url=/status"
    assert "refresh" not in still.headers
    assert "<script" not in moving.text + still.text


async def test_a_model_that_is_away_is_said_and_the_reason_is_for_admins(settings: Settings) -> None:
    gone = settings.model_copy(update={"inference_url": "http://127.0.0.1:9/v1"})
    async with running(create_app(gone)) as url, browser(url) as client:
        shown = await client.get("/status")
    assert shown.status_code == 503
    assert english("status-waiting") in words_of(shown)
    assert "127.0.0.1:9" not in shown.text
    assert "ConnectError" not in shown.text
    admin = gone.model_copy(update={"admins": "web:local"})
    async with running(create_app(admin)) as url, browser(url) as client:
        await client.get("/")
        assert "ConnectError" in (await client.get("/status")).text


async def test_a_store_that_is_away_is_said_at_once(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": SecretStr("unix:///nowhere/valkey.sock")})
    transport = httpx.ASGITransport(create_app(away))
    async with httpx.AsyncClient(base_url="http://localhost", transport=transport) as client:
        shown = await client.get("/status")
    assert shown.status_code == 503
    assert english("status-away") in words_of(shown)
    assert "nowhere" not in shown.text


async def test_strangers_see_whether_all_is_well_and_nothing_else(settings: Settings) -> None:
    web = WebSettings(password=SecretStr(PASSWORD))
    app = create_app(settings.model_copy(update={"admins": "web:password"}), web)
    async with running(app) as url, browser(url) as client:
        strange = (await client.get("/status")).text
        await client.post("/sign-in", data={"password": PASSWORD})
        known = (await client.get("/status")).text
    assert english("status-well") in strange
    for word in ("scripted", english("status-versions"), english("status-acts"), english("status-workers"), "GLaDOS 0"):
        assert word not in strange
        assert word in known


async def test_people_see_their_limits_and_nobody_elses(settings: Settings) -> None:
    limited = settings.model_copy(update={"limit_user_per_minute": 3, "limit_user_tokens_per_day": 1000})
    async with running(create_app(limited)) as url, browser(url) as ada, browser(url) as bob:
        for client in (ada, bob):
            await client.get("/")
        for key in ("1", "2"):
            await ada.post(f"/c/{new_conversation()}/messages", json={"text": "Hi", "key": key})
        assert english("used-minute-user", used=2, most=3) in (await ada.get("/status")).text
        assert english("used-minute-user", used=0, most=3) in (await bob.get("/status")).text
        assert "of 1,000 tokens today" in (await ada.get("/status")).text


async def test_admins_see_what_admins_did(settings: Settings, client: Client) -> None:
    await audit.record(client, "cli:root@box", "turns retry", "<script>alert(1)</script>")
    admin = settings.model_copy(update={"admins": "web:local"})
    async with running(create_app(admin)) as url, browser(url) as page:
        await page.get("/")
        shown = (await page.get("/status")).text
    assert "turns retry" in shown
    assert "<script>" not in shown


async def test_every_platform_with_work_has_a_line(settings: Settings, client: Client) -> None:
    store = Store(client, "slack", ttl=60, max_exchanges=10)
    await store.accept(Turn("1", "c", "ada", "dies"))
    lease = await store.claim()
    assert lease
    await store.finish(lease, Exchange("1", "dies", "sorry", "failed", "ada"))
    await store.accept(Turn("2", "c", "ada", "waits"))
    admin = settings.model_copy(update={"admins": "web:local"})
    async with running(create_app(admin)) as url, browser(url) as page:
        await page.get("/")
        shown = (await page.get("/status")).text
    assert counts(shown, "Slack") == ["0", "1", "0", "1"]


@pytest.mark.parametrize("answer", [b"[]", b"not json", json.dumps({"data": [{"id": "<b>x</b>"}]}).encode()])
async def test_a_strange_model_server_breaks_nothing(settings: Settings, answer: bytes) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(answer), answer))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    strange = settings.model_copy(update={"inference_url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"})
    async with server, running(create_app(strange)) as url, browser(url) as client:
        shown = await client.get("/status")
    assert shown.status_code in {200, 503}
    assert "<b>x" not in shown.text


async def test_it_counts_workers_by_who_listens(settings: Settings) -> None:
    async with running(create_app(settings)) as one, running(create_app(settings)), browser(one) as client:

        async def are_two() -> bool:
            return counts((await client.get("/status")).text, english("status-web-page")) == ["0", "0", "2"]

        await until(are_two)
