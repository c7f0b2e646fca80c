"""What outlives a sign-in: a browser that signed in once is known, keeps its chats, and is counted by itself."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import redis

from glados_bots.settings import Settings
from glados_web.app import create_app
from glados_web.chats import new_conversation
from glados_web.door.door import BROWSER_COOKIE
from glados_web.run import server_config
from glados_web.settings import WebSettings
from tests.servers import Server, free_port, running
from tests.web.conftest import PASSWORD, browser
from tests.web.test_sign_in import age, ask, sign_in

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def visitor(locked: str) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(locked) as client:
        yield client


@pytest.mark.parametrize("end", ["signed out", "gone from Redis", "idle", "too old"])
async def test_chats_outlive_the_sign_in_of_their_browser(
    visitor: httpx.AsyncClient, locked: str, web: WebSettings, redis_url: str, end: str
) -> None:
    conversation = new_conversation()
    await sign_in(visitor)
    assert (await ask(visitor, conversation)).status_code == 202
    match end:
        case "signed out":
            await visitor.post("/sign-out", headers=FORM)
        case "gone from Redis":
            with redis.Redis.from_url(redis_url) as store:
                store.delete(*store.scan_iter("glados:{web}:session:*"))
        case "idle":
            age(redis_url, "seen", web.session_idle)
        case "too old":
            age(redis_url, "began", web.session_max)
    assert (await visitor.get(f"/c/{conversation}")).status_code == 303, "what it is known by lets nobody in"
    await sign_in(visitor)
    assert "Mine" in (await visitor.get(f"/c/{conversation}")).text
    assert conversation in (await visitor.get("/", follow_redirects=True)).text
    async with browser(locked) as colleague:
        await sign_in(colleague)
        assert (await colleague.get(f"/c/{conversation}")).status_code == 404


@pytest.mark.parametrize("change", ["another owner", "no signature", "another signature", "odd letters", "no ascii"])
async def test_a_browser_cannot_name_itself(visitor: httpx.AsyncClient, locked: str, change: str) -> None:
    conversation = new_conversation()
    await sign_in(visitor)
    await ask(visitor, conversation)
    owner, _, signature = str(visitor.cookies[BROWSER_COOKIE]).partition(".")
    forged = {
        "another owner": f"{'0' * 64}.{signature}",
        "no signature": owner,
        "another signature": f"{owner}.{'0' * len(signature)}",
        "odd letters": f"{owner}.{'!' * len(signature)}",
        "no ascii": f"{owner}.\u00e9",
    }[change]
    async with browser(locked) as thief:
        cookie = {b"Cookie": f"{BROWSER_COOKIE}={forged}".encode()}
        entered = await thief.post("/sign-in", data={"password": PASSWORD}, headers=cookie)
        assert entered.status_code == 303
        assert owner not in str(thief.cookies[BROWSER_COOKIE])
        assert (await thief.get(f"/c/{conversation}")).status_code == 404


async def test_what_a_browser_is_known_by_is_kept_as_long_as_its_chats(
    settings: Settings, web: WebSettings, redis_url: str
) -> None:
    """From its last question on; also where somebody signed in before there was such a cookie."""
    kept = settings.model_copy(update={"retention": "web=7d"})
    async with running(create_app(kept, web)) as url, browser(url) as client:
        assert f"Max-Age={7 * 86400}" in (await sign_in(client)).headers["set-cookie"]
        client.cookies.delete(BROWSER_COOKIE)
        conversation = new_conversation()
        given = (await ask(client, conversation)).headers["set-cookie"]
        assert BROWSER_COOKIE in given
        assert f"Max-Age={7 * 86400}" in given
        with redis.Redis.from_url(redis_url) as store:
            store.delete(*store.scan_iter("glados:{web}:session:*"))
        await sign_in(client)
        assert "Mine" in (await client.get(f"/c/{conversation}")).text


async def test_who_guesses_at_one_address_locks_out_nobody_elsewhere(
    settings: Settings, web: WebSettings, redis_url: str
) -> None:
    """Tries beyond an address's own bound are not looked at, and count for nobody else."""
    behind = web.model_copy(update={"trusted_proxies": "127.0.0.1"})
    port = free_port()
    server = Server(server_config(settings.model_copy(update={"web_port": port}), behind))
    async with server.listening(), browser(f"http://127.0.0.1:{port}") as client:
        for address, count in (("198.51.100.7", 320), ("2001:db8::1", 30)):
            guesses = (sign_in(client, "wrong", **{"X-Forwarded-For": address}) for _ in range(count))
            assert sum(answer.status_code == 401 for answer in await asyncio.gather(*guesses)) == 10
        assert (await sign_in(client, **{"X-Forwarded-For": "203.0.113.9"})).status_code == 303
    with redis.Redis.from_url(redis_url, decode_responses=True) as store:
        assert store.get("glados:{web}:guesses:all") == "20"


async def test_a_browser_that_signed_in_before_gets_in_whatever_strangers_do(
    visitor: httpx.AsyncClient, locked: str
) -> None:
    """Also from their address; its own guesses are counted, too."""
    await sign_in(visitor)
    await visitor.post("/sign-out", headers=FORM)
    async with browser(locked) as stranger:
        for _ in range(11):
            last = await sign_in(stranger, "wrong")
        assert last.status_code == 429
    assert (await sign_in(visitor)).status_code == 303
    for _ in range(10):
        assert (await sign_in(visitor, "wrong")).status_code == 401
    assert (await sign_in(visitor)).status_code == 429


async def test_a_known_browser_passes_the_brake_of_all(visitor: httpx.AsyncClient, redis_url: str) -> None:
    await sign_in(visitor)
    with redis.Redis.from_url(redis_url) as store:
        store.set("glados:{web}:guesses:all", 300, ex=60)
    assert (await sign_in(visitor)).status_code == 303
