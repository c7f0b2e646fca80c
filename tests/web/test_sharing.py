"""A read-only link to a chat: what it shows and to whom, how it ends, and that it leads nowhere else."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from glados_bots.conversation import Exchange
from glados_bots.operations import backup
from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_web.app import create_app
from glados_web.chats import new_conversation
from glados_web.door.protection import HEADERS
from glados_web.settings import WebSettings
from glados_web.sharing.links import TOKEN
from tests.contents import contents
from tests.fakes.oidc import CLIENT, FakeProvider
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import free_port, running
from tests.web.conftest import HASH, PAGE, PASSWORD, browser, english, words_of
from tests.web.test_http import ask, events

STATIC = Path(__file__).parents[2] / "adapters/glados_web/static"


async def answered(visitor: httpx.AsyncClient, text: str = "A question", chat: str = "") -> str:
    chat = chat or new_conversation()
    await events(visitor, chat, await ask(visitor, chat, text, text))
    return chat


async def shared(visitor: httpx.AsyncClient, chat: str) -> str:
    """Path of a new link."""
    response = await visitor.post(f"/c/{chat}/share", json={})
    assert response.status_code == 200, response.text
    return str(response.json()["path"])


@pytest.fixture
async def stranger(site: str) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(site) as client:
        yield client


async def test_a_link_shows_the_chat_as_it_was_and_nothing_else(
    visitor: httpx.AsyncClient, stranger: httpx.AsyncClient, model: ScriptedModel
) -> None:
    other, chat = await answered(visitor, "Another chat"), await answered(visitor, "First?")
    path = await shared(visitor, chat)
    model.pieces = ["later words"]
    await answered(visitor, "Second?", chat)
    found = await stranger.get(path)
    assert found.status_code == 200
    assert "First?" in found.text
    assert "<strong>world</strong>" in found.text
    for hidden in ("Second?", "later words", "Another chat", chat, other, "/c/", "/events", "<form", "<button", "<nav"):
        assert hidden not in found.text, hidden
    assert english("page-shared-on", at="AT").partition("AT")[0] in words_of(found)


async def test_a_link_is_no_way_in(visitor: httpx.AsyncClient, stranger: httpx.AsyncClient, client: Client) -> None:
    chat = await answered(visitor)
    path = await shared(visitor, chat)
    before = await contents(client)
    found = await stranger.get(path)
    assert "set-cookie" not in found.headers
    assert not stranger.cookies
    assert await contents(client) == before
    assert {name: found.headers[name] for name in HEADERS} == HEADERS
    assert found.headers["cache-control"] == "no-store"
    assert "noindex" in found.headers["x-robots-tag"]
    for way in (f"/c/{chat}", f"/c/{chat}/chat.md", f"/c/{chat}/events", f"{path}/chat.md", f"{path}/events"):
        assert (await stranger.get(way)).status_code == 404, way
    for way in (path, f"/c/{chat}/share", f"/c/{chat}/unshare"):
        assert (await stranger.post(way, json={})).status_code in {404, 405}, way
    assert (await stranger.get(path)).status_code == 200


async def test_redis_knows_only_the_hash_of_a_link(visitor: httpx.AsyncClient, client: Client) -> None:
    token = (await shared(visitor, await answered(visitor))).removeprefix("/s/")
    assert TOKEN.fullmatch(token)
    assert token not in str(await contents(client))


@pytest.mark.parametrize("way", ["unshare", "clear", "delete", "share"])
async def test_a_link_that_was_taken_back_is_gone_at_once(
    visitor: httpx.AsyncClient, stranger: httpx.AsyncClient, way: str
) -> None:
    """A new link ends the old one, too."""
    chat = await answered(visitor)
    path = await shared(visitor, chat)
    assert (await visitor.post(f"/c/{chat}/{way}", json={})).status_code == 200
    gone = await stranger.get(path)
    assert gone.status_code == 404
    assert english("page-no-link") in words_of(gone)
    assert "A question" not in gone.text
    assert (await visitor.post(f"/c/{chat}/unshare", json={})).status_code == 200, "once more harms nothing"


async def test_an_answer_that_was_made_again_later_is_not_shown(
    visitor: httpx.AsyncClient, stranger: httpx.AsyncClient, model: ScriptedModel
) -> None:
    chat = await answered(visitor, "Kept")
    turn = await ask(visitor, chat, "Redone", "k2")
    await events(visitor, chat, turn)
    path = await shared(visitor, chat)
    model.pieces = ["private now"]
    await visitor.post(f"/c/{chat}/turns/{turn}/redo", json={})
    await events(visitor, chat, turn)
    found = await stranger.get(path)
    assert "Kept" in found.text
    assert "Redone" not in found.text
    assert "private now" not in found.text


@pytest.mark.parametrize("token", ["x" * 32, "x" * 31, "x" * 33, "%00" * 32, "é" * 32, "{token}"])
async def test_nobody_finds_a_link_by_guessing(stranger: httpx.AsyncClient, token: str) -> None:
    found = await stranger.get(f"/s/{token}")
    assert found.status_code == 404
    assert "noindex" in found.headers["x-robots-tag"]


async def test_a_chat_without_an_answer_cannot_be_shared(visitor: httpx.AsyncClient, model: ScriptedModel) -> None:
    model.gate.clear()
    chat = new_conversation()
    await ask(visitor, chat, "Wait")
    refused = await visitor.post(f"/c/{chat}/share", json={})
    assert (refused.status_code, refused.json()["error"]) == (409, english("page-share-nothing"))


async def test_only_our_own_page_can_share(visitor: httpx.AsyncClient) -> None:
    chat = await answered(visitor)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await visitor.post(f"/c/{chat}/share", json={}, headers=headers)).status_code == 403
    assert (await visitor.post(f"/c/{chat}/share", data={"x": "y"})).status_code == 403


async def test_the_names_of_people_do_not_appear(visitor: httpx.AsyncClient, client: Client, site: str) -> None:
    chat = await answered(visitor)
    path = await shared(visitor, chat)
    key = f"glados:{{web}}:c:{chat}:exchanges"
    for turn, stored in (await client.hgetall(key)).items():
        exchange = Exchange.from_json(str(stored))
        named = json.loads(stored) | {"author_name": "Zebediah Quux", "author": "zebediah@example.org"}
        assert exchange.author
        await client.hset(key, turn, json.dumps(named))
    async with browser(site) as stranger:
        found = await stranger.get(path)
    assert "A question" in found.text
    assert not re.search("zebediah|quux|example.org", found.text, re.IGNORECASE)


async def test_a_link_lasts_as_long_as_its_chat(visitor: httpx.AsyncClient, client: Client) -> None:
    chat = await answered(visitor)
    await shared(visitor, chat)
    keys = [key async for key in client.scan_iter("glados:{web}:share*")]
    assert len(keys) == 2
    for key in keys:
        await client.expire(key, 60)
    await answered(visitor, "Another", chat)
    assert all([await client.ttl(key) > 60 for key in keys])


async def test_no_backup_holds_a_link(visitor: httpx.AsyncClient, client: Client) -> None:
    await shared(visitor, await answered(visitor))
    text = "\n".join([line async for line in backup.lines(client)])
    assert "A question" in text
    assert "share" not in text


# --- with a sign-in --------------------------------------------------------------------------------------------------


async def sign_in(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/sign-in", data={"password": PASSWORD}, headers=PAGE)


async def test_a_link_asks_a_stranger_to_sign_in_and_then_shows_the_chat(locked: str) -> None:
    async with browser(locked) as owner, browser(locked) as reader:
        await sign_in(owner)
        path = await shared(owner, await answered(owner))
        asked = await reader.get(path)
        assert (asked.status_code, asked.headers["location"]) == (303, f"/sign-in?next={path}")
        assert "A question" not in asked.text
        form = await reader.post("/sign-in", data={"password": PASSWORD, "next": path})
        assert form.headers["location"] == path
        assert "A question" in (await reader.get(path)).text


async def test_everybody_with_the_link_may_read_where_the_operator_says_so(settings: Settings) -> None:
    web = WebSettings(password=SecretStr(HASH), share="everybody")
    async with running(create_app(settings, web)) as url, browser(url) as owner, browser(url) as reader:
        await sign_in(owner)
        chat = await answered(owner)
        path = await shared(owner, chat)
        found = await reader.get(path)
        assert "A question" in found.text
        assert "set-cookie" not in found.headers
        assert (await reader.get(f"/c/{chat}")).status_code == 303
        assert (await reader.post(f"/c/{chat}/share", json={})).status_code == 303
        await owner.post(f"/c/{chat}/unshare", json={})
        assert (await reader.get(path)).status_code == 404


async def test_sharing_can_be_switched_off(settings: Settings) -> None:
    async with running(create_app(settings, WebSettings(share="off"))) as url, browser(url) as owner:
        await owner.get("/")
        chat = await answered(owner)
        assert (await owner.post(f"/c/{chat}/share", json={})).status_code == 404
        assert (await owner.get(f"/s/{'x' * 32}")).status_code == 404


async def test_the_way_over_the_provider_leads_to_the_link_and_leaves_no_token_in_redis(
    settings: Settings, client: Client
) -> None:
    provider, port = FakeProvider(secret=""), free_port()
    url = f"http://127.0.0.1:{port}"
    provider.redirect_uri = f"{url}/sign-in/callback"
    async with running(provider.app()) as provider.issuer:
        web = WebSettings(
            public_url=url, oidc_issuer=provider.issuer, oidc_client_id=CLIENT, oidc_emails="@example.org"
        )
        async with running(create_app(settings, web), port), browser(url) as owner, browser(url) as reader:
            await owner.get("/sign-in/oidc", follow_redirects=True)
            path = await shared(owner, await answered(owner))
            begun = await reader.get("/sign-in/oidc", params={"next": path})
            assert path.removeprefix("/s/") not in str(await contents(client))
            found = await reader.get(begun.headers["location"], follow_redirects=True)
            assert found.url.path == path
            assert "A question" in found.text
