"""Who only looks at the page leaves nothing; a browser's first question begins its session."""

import asyncio

import httpx
import pytest

from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_web.app import create_app
from glados_web.chats import new_conversation
from glados_web.door.door import COOKIE
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import running
from tests.web.conftest import english
from tests.web.test_http import ask, events

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
SESSIONS = "glados:{web}:session:*"


async def test_looking_leaves_nothing(site: str, admin: Client) -> None:
    """Probes and crawlers keep no cookie: whatever each of them left would stay for a month."""

    async def look(path: str) -> None:
        async with httpx.AsyncClient(base_url=site, trust_env=False) as stranger:
            assert (await stranger.get(path)).status_code in {200, 404}
            await stranger.head(path)

    await look("/")  # the key that tickets are signed with is made once
    before = await admin.dbsize()
    for _ in range(20):
        paths = ("/", "/?new", "/status", f"/c/{new_conversation()}", "/health")
        await asyncio.gather(*(look(path) for path in paths * 2))
    assert await admin.dbsize() == before
    assert await admin.keys(SESSIONS) == []


async def test_the_first_question_begins_the_session(visitor: httpx.AsyncClient, admin: Client) -> None:
    shown = dict(visitor.cookies)
    conversation = new_conversation()
    response = await visitor.post(f"/c/{conversation}/messages", json={"text": "Mine", "key": "k1"})
    assert response.status_code == 202
    assert dict(visitor.cookies) == shown, "a question that is sent again comes from the same visitor"
    assert COOKIE in response.headers["set-cookie"], "the browser keeps it from now on, not from the first look"
    assert len(await admin.keys(SESSIONS)) == 1
    assert f"/c/{conversation}" in (await visitor.get("/", follow_redirects=True)).text


async def test_a_first_question_whose_answer_was_lost_is_sent_again_as_the_same(
    visitor: httpx.AsyncClient, model: ScriptedModel
) -> None:
    """The browser never saw what the first request gave it."""
    conversation = new_conversation()
    async with httpx.AsyncClient(base_url=visitor.base_url, trust_env=False, cookies=dict(visitor.cookies)) as lost:
        turn = await ask(lost, conversation, "Once", key="same")
    assert await ask(visitor, conversation, "Once", key="same") == turn
    assert (await events(visitor, conversation, turn))[-1]["state"] == "done"
    assert len(model.prompts) == 1


async def test_tabs_opened_before_the_first_question_are_one_visitor(visitor: httpx.AsyncClient) -> None:
    """Also when both ask at the same moment; and a second look takes no cookie away from the first."""
    assert "set-cookie" not in (await visitor.get("/?new")).headers
    chats = [new_conversation() for _ in range(5)]
    turns = await asyncio.gather(*(ask(visitor, chat, f"from {chat}") for chat in chats))
    for chat, turn in zip(chats, turns, strict=True):
        assert (await events(visitor, chat, turn))[-1]["state"] == "done"
    page = await visitor.get("/", follow_redirects=True)
    assert all(f"/c/{chat}" in page.text for chat in chats)


async def test_a_visitor_who_signed_out_owns_nothing_any_more(visitor: httpx.AsyncClient) -> None:
    """The cookie they had begins a new session at most."""
    conversation = new_conversation()
    await ask(visitor, conversation, "Mine")
    cookie = str(visitor.cookies[COOKIE])
    await visitor.post("/sign-out", data={}, headers=FORM)
    visitor.cookies.set(COOKIE, cookie, domain="127.0.0.1")
    await ask(visitor, new_conversation(), "Somebody's")
    assert (await visitor.get(f"/c/{conversation}")).status_code == 404


@pytest.mark.parametrize("change", ["other signature", "shorter", "longer", "other letters", "no ascii"])
async def test_a_ticket_of_others_begins_nothing(visitor: httpx.AsyncClient, admin: Client, change: str) -> None:
    ticket = str(visitor.cookies[COOKIE])
    forged = {
        "other signature": ticket[:-4] + ("AAAA" if ticket[-4:] != "AAAA" else "BBBB"),
        "shorter": ticket[:-1],
        "longer": ticket + "A",
        "other letters": "!" * len(ticket),
        "no ascii": "\u00e9" * len(ticket),
    }[change]
    async with httpx.AsyncClient(base_url=visitor.base_url, trust_env=False) as thief:
        cookie = {b"Cookie": f"{COOKIE}={forged}".encode()}
        body = {"text": "x", "key": "k"}
        response = await thief.post(f"/c/{new_conversation()}/messages", json=body, headers=cookie)
        assert response.status_code == 403
        assert response.json() == {"error": english("page-cookies")}
        assert COOKIE in (await thief.get("/", headers=cookie)).headers["set-cookie"]
    assert await admin.keys(SESSIONS) == []


async def test_tickets_hold_in_every_process_and_after_redis_was_emptied(
    visitor: httpx.AsyncClient, settings: Settings, admin: Client
) -> None:
    cookies = dict(visitor.cookies)
    async with (
        running(create_app(settings)) as another,
        httpx.AsyncClient(base_url=another, trust_env=False, cookies=cookies) as there,
    ):
        await ask(there, new_conversation(), "There")
        await admin.flushall()
        for process in (visitor, there):
            process.cookies.clear()
        await visitor.get("/")
        there.cookies = httpx.Cookies(dict(visitor.cookies))
        await ask(there, new_conversation(), "And again")


async def kept_s(admin: Client, conversation: str) -> list[int]:
    """How long Redis keeps what a first question begins: the newest session, its chats, the chat's owner and title."""
    chats = [key async for key in admin.scan_iter("glados:{web}:chats:*") if await admin.zscore(key, conversation)]
    sessions = [key async for key in admin.scan_iter(SESSIONS)]
    own = [f"glados:{{web}}:{kind}:{conversation}" for kind in ("owner", "title")]
    return [await admin.ttl(key) for key in (*chats, *own)] + [min([await admin.ttl(key) for key in sessions])]


async def test_what_a_refused_first_question_began_is_kept_an_hour_and_for_good_once_one_is_taken_in(
    settings: Settings, admin: Client
) -> None:
    limited = settings.model_copy(update={"limit_per_minute": 1})
    async with (
        running(create_app(limited)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as first,
        httpx.AsyncClient(base_url=url, trust_env=False) as second,
    ):
        for visitor in (first, second):
            await visitor.get("/")
        await ask(first, new_conversation(), "One", key="k1")
        conversation = new_conversation()
        refused = await second.post(f"/c/{conversation}/messages", json={"text": "Two", "key": "k2"})
        assert refused.status_code == 429
        assert max(await kept_s(admin, conversation)) <= 3600
        await admin.delete("glados:{web}:limit:minute:all")
        await ask(second, conversation, "Two", key="k2")
        assert min(await kept_s(admin, conversation)) > 3600
