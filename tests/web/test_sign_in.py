"""Sign-in by the shared password: who gets in, how long it holds, and that the way out is the end."""

import asyncio
import hashlib
import itertools
import json
import re
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import redis
from starlette.routing import Route

from glados_bots.errors import ConfigError
from glados_bots.settings import Settings, load
from glados_web.app import create_app
from glados_web.chats import new_conversation
from glados_web.door.door import COOKIE, SECURE_COOKIE
from glados_web.door.password import Password
from glados_web.run import run, server_config
from glados_web.settings import WebSettings, require_sign_in
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import Server, free_port, running
from tests.web.conftest import HASH, PASSWORD, browser, english, words_of


@pytest.fixture
async def visitor(locked: str) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(locked) as client:
        yield client


async def sign_in(
    client: httpx.AsyncClient, password: str = PASSWORD, place: str = "/", **headers: str
) -> httpx.Response:
    return await client.post("/sign-in", data={"password": password, "next": place}, headers=headers)


async def ask(client: httpx.AsyncClient, conversation: str, text: str = "Mine") -> httpx.Response:
    return await client.post(f"/c/{conversation}/messages", json={"text": text, "key": "k"})


async def test_the_password_lets_in_and_brings_back_to_where_one_was(visitor: httpx.AsyncClient) -> None:
    conversation = new_conversation()
    shown = await visitor.get(f"/c/{conversation}", follow_redirects=True)
    assert (shown.url.path, shown.status_code) == ("/sign-in", 200)
    assert f'name="next" value="/c/{conversation}"' in shown.text
    entered = await sign_in(visitor, place=f"/c/{conversation}")
    assert (entered.status_code, entered.headers["location"]) == (303, f"/c/{conversation}")
    assert (await ask(visitor, conversation)).status_code == 202
    assert "Mine" in (await visitor.get(f"/c/{conversation}")).text


@pytest.mark.parametrize(
    "guess", ["", "wrong", PASSWORD + " ", PASSWORD[:-1], "x" * 1001, "\x00", pytest.param(HASH, id="the hash itself")]
)
async def test_another_password_does_not(visitor: httpx.AsyncClient, guess: str) -> None:
    refused = await sign_in(visitor, guess)
    assert refused.status_code == 401
    assert english("door-wrong-password") in words_of(refused)
    assert "set-cookie" not in refused.headers
    assert (await visitor.get("/")).headers["location"] == "/sign-in"


async def test_every_route_is_closed_to_strangers_but_those_on_a_list(settings: Settings, web: WebSettings) -> None:
    """The list is written down here a second time: a route that is opened by mistake fails."""
    app = create_app(settings, web)
    open_to_all = {
        ("GET", "/health"), ("GET", "/code.css"), ("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/status"),
        ("GET", "/manifest.webmanifest"),
    }  # fmt: skip
    routes = [route for route in app.routes if isinstance(route, Route)]
    places = [(method, route.path) for route in routes for method in route.methods or ()]
    assert len(places) > 12
    async with running(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as stranger:
        for method, path in places:
            if (method, path) in open_to_all or method == "HEAD":
                continue
            target = path.replace("{conversation}", new_conversation()).replace("{turn}", "a" * 32)
            for given in ({}, {COOKIE: "A" * 43}, {SECURE_COOKIE: "A" * 43}):
                stranger.cookies = httpx.Cookies(given)
                response = await stranger.request(method, target, json={"text": "x", "key": "k"})
                assert response.status_code == 401, (method, path)


async def test_a_session_that_was_planted_is_worth_nothing_after_the_sign_in(locked: str) -> None:
    """Fixation: the id changes at the sign-in, and the old one ends."""
    async with browser(locked) as victim, browser(locked) as thief:
        await sign_in(thief)
        planted = str(thief.cookies[COOKIE])
        victim.cookies.set(COOKIE, planted, domain="127.0.0.1")
        await sign_in(victim)
        assert planted not in victim.cookies.jar.__repr__()
        conversation = new_conversation()
        await ask(victim, conversation)
        assert (await thief.get("/")).headers["location"] == "/sign-in"
        assert (await thief.get(f"/c/{conversation}")).status_code == 303


async def test_signing_out_ends_the_session_and_its_streams(
    visitor: httpx.AsyncClient, model: ScriptedModel, locked: str
) -> None:
    model.gate.clear()
    await sign_in(visitor)
    conversation = new_conversation()
    turn = (await ask(visitor, conversation)).json()["turn"]
    cookie = str(visitor.cookies[COOKIE])

    views: list[dict[str, Any]] = []
    begun = asyncio.Event()

    async def watch() -> None:
        async with visitor.stream("GET", f"/c/{conversation}/turns/{turn}") as response:
            assert response.status_code == 200
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    views.append(json.loads(line[6:]))
                    begun.set()

    watching = asyncio.create_task(watch())
    await model.reached.wait()
    async with asyncio.timeout(20):
        await begun.wait()
    left = await visitor.post("/sign-out", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (left.status_code, left.headers["location"]) == (303, "/sign-in")
    async with asyncio.timeout(10):  # promised are five seconds, on a machine that is not busy
        await watching
    assert all(view["state"] != "done" for view in views)
    async with browser(locked, **{COOKIE: cookie}) as late:
        assert (await late.get(f"/c/{conversation}")).status_code == 303
        assert (await late.get(f"/c/{conversation}/turns/{turn}", headers={"Accept": "*/*"})).status_code == 401


def age(redis_url: str, what: str, seconds: float) -> None:
    """Let the only session have `began`, or been `seen`, that long ago."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as store:
        (key,) = store.scan_iter("glados:{web}:session:*")
        kept = json.loads(str(store.get(key)))
        store.set(key, json.dumps(kept | {what: time.time() - seconds}))


async def test_the_same_browser_finds_its_chats_again_when_the_time_ran_out(
    visitor: httpx.AsyncClient, web: WebSettings, redis_url: str
) -> None:
    """Idle for too long: one must sign in again, and then everything is there."""
    conversation = new_conversation()
    await sign_in(visitor)
    assert (await ask(visitor, conversation)).status_code == 202
    age(redis_url, "seen", web.session_idle)
    for _ in range(2):  # the request that comes too late renews nothing
        assert (await visitor.get("/")).headers["location"] == "/sign-in"
    await sign_in(visitor)
    assert "Mine" in (await visitor.get(f"/c/{conversation}")).text


async def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(
    visitor: httpx.AsyncClient, web: WebSettings, redis_url: str
) -> None:
    """An open tab connects again and again; the idle time runs on."""
    conversation = new_conversation()
    await sign_in(visitor)
    await ask(visitor, conversation)
    almost = web.session_idle - 60
    age(redis_url, "seen", almost)
    async with visitor.stream("GET", f"/c/{conversation}/events") as response:
        assert response.status_code == 200
    with redis.Redis.from_url(redis_url, decode_responses=True) as store:
        (key,) = store.scan_iter("glados:{web}:session:*")
        assert time.time() - json.loads(str(store.get(key)))["seen"] >= almost
    age(redis_url, "seen", web.session_idle)
    assert (await visitor.get(f"/c/{conversation}/events", headers={"Accept": "*/*"})).status_code == 401


async def test_a_session_ends_in_any_case(visitor: httpx.AsyncClient, web: WebSettings, redis_url: str) -> None:
    await sign_in(visitor)
    assert (await visitor.get("/")).status_code == 200
    age(redis_url, "began", web.session_max)
    assert (await visitor.get("/")).headers["location"] == "/sign-in"


async def test_guesses_are_counted_and_refused_before_they_are_looked_at(
    visitor: httpx.AsyncClient, locked: str
) -> None:
    answers = await asyncio.gather(*(sign_in(visitor, f"guess {number}") for number in range(14)))
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 4
    refused = await sign_in(visitor)
    assert refused.status_code == 429, "the right password does not help now"
    assert 0 < int(refused.headers["retry-after"]) <= 900
    wait = timedelta(seconds=int(refused.headers["retry-after"]))
    assert english("door-guesses", wait=wait) in words_of(refused)
    async with browser(locked) as other:
        for spoofed in ("198.51.100.7", "::1"):
            assert (await sign_in(other, **{"X-Real-Ip": spoofed, "Forwarded": f"for={spoofed}"})).status_code == 429


@pytest.mark.parametrize(("proxies", "status"), [("127.0.0.1", 401), ("10.0.0.0/8, 127.0.0.0/8", 401), ("", 429)])
async def test_a_proxy_tells_visitors_apart_if_it_is_named(
    settings: Settings, web: WebSettings, proxies: str, status: int
) -> None:
    """With the server's own settings, as `glados web` runs it: nobody else's word for an address counts."""
    port = free_port()
    behind = web.model_copy(update={"trusted_proxies": proxies})
    server = Server(server_config(settings.model_copy(update={"web_port": port}), behind))
    async with server.listening(), browser(f"http://127.0.0.1:{port}") as client:
        for _ in range(10):
            await sign_in(client, "wrong", **{"X-Forwarded-For": "198.51.100.7"})
        assert (await sign_in(client, "wrong", **{"X-Forwarded-For": "198.51.100.7"})).status_code == 429
        assert (await sign_in(client, "wrong", **{"X-Forwarded-For": "203.0.113.9"})).status_code == status
        assert "server" not in (await client.get("/health")).headers


async def test_right_guesses_are_not_counted(visitor: httpx.AsyncClient) -> None:
    for _ in range(12):
        assert (await sign_in(visitor)).status_code == 303


async def test_guessing_from_many_addresses_is_slow_as_well(
    settings: Settings, web: WebSettings, redis_url: str
) -> None:
    async with running(create_app(settings, web)) as url, browser(url) as client:
        with redis.Redis.from_url(redis_url) as store:
            store.set("glados:{web}:guesses:all", 300, ex=60)
        assert (await sign_in(client)).status_code == 429


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": ""},
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
async def test_other_sites_sign_nobody_in_or_out(locked: str, path: str, headers: dict[str, str]) -> None:
    async with browser(locked) as client:
        await sign_in(client)
        refused = await client.post(path, data={"password": PASSWORD}, headers=headers)
        assert refused.status_code == 403
        assert (await client.get("/")).status_code == 200


async def test_a_form_that_does_not_say_where_it_comes_from_is_refused(locked: str) -> None:
    async with httpx.AsyncClient(base_url=locked, trust_env=False) as client:
        for headers in ({}, {"Origin": "null"}, {"Origin": "https://evil.example"}, {"Origin": ""}):
            assert (await client.post("/sign-in", data={"password": PASSWORD}, headers=headers)).status_code == 403
        assert (
            await client.post("/sign-in", data={"password": PASSWORD}, headers={"Origin": locked})
        ).status_code == 303


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"password=" + b"x" * 10_000, 413), (b"a=1&" * 20, 400), (b"\xff\xfe", 400), (b"password", 401), (b"", 401)],
)
async def test_odd_forms_are_refused(visitor: httpx.AsyncClient, content: bytes, status: int) -> None:
    response = await visitor.post(
        "/sign-in", content=content, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert response.status_code == status


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "/\\evil", "javascript:alert(1)", "/c/x", "/?new&x"]
)
async def test_nobody_is_sent_elsewhere_after_the_sign_in(visitor: httpx.AsyncClient, place: str) -> None:
    assert (await sign_in(visitor, place=place)).headers["location"] == "/"


async def test_over_https_the_cookie_is_bound_to_this_host(settings: Settings, web: WebSettings) -> None:
    behind = web.model_copy(update={"public_url": "https://chat.example.org"})
    async with running(create_app(settings, behind)) as url, browser(url) as client:
        entered = await sign_in(client, Host="chat.example.org", Origin="https://chat.example.org")
        cookie = entered.headers["set-cookie"]
        assert cookie.startswith(f"{SECURE_COOKIE}=")
        for word in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
            assert word in cookie
        assert "domain" not in cookie.lower()
        assert "max-age" in entered.headers["strict-transport-security"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:5950", "", "[::2]"])
async def test_a_name_that_is_not_ours_is_refused(site: str, host: str) -> None:
    """DNS rebinding: the page has no sign-in here, so another site must not reach it by a name of its own."""
    async with browser(site) as client:
        assert (await client.get("/", headers={"Host": host})).status_code == 421
        assert (await client.get("/health", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:5950", "LOCALHOST"])
async def test_names_of_this_machine_are_ours(site: str, host: str) -> None:
    async with browser(site) as client:
        assert (await client.get("/", headers={"Host": host})).status_code == 200


HOSTS = ["x/health?", "x/sign-in", "127.0.0.1/health?", "x#/health", "x\\health", "[/status", "a@b/health?"]
PATHS = [
    "/",
    "/c/AAAAAAAAAAAAAAAAAAAAAA",
    "//health",
    "/health/",
    "/health/..%2f",
    "/%2fhealth",
    "/sign-in%2f..",
    "/;/health",
]


async def test_no_spelling_of_a_host_or_path_gets_around_the_door(locked: str) -> None:
    """The shape of CVE-2026-48710: what is public must not be found by an address put together from a header."""
    async with browser(locked) as client:
        for host, path in itertools.product(HOSTS, PATHS):
            response = await client.get(httpx.URL(locked, raw_path=path.encode()), headers={"Host": host})
            assert response.status_code in {303, 307, 404, 421}, (host, path, response.text)
            assert "turns" not in response.text


OUTSIDE = ["0.0.0.0", "::", "192.0.2.7", "intranet.example"]


@pytest.mark.parametrize("host", OUTSIDE)
def test_an_open_page_is_not_shown_to_others(host: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"GLADOS_HOST={re.escape(host)}.*GLADOS_WEB_PASSWORD.*GLADOS_WEB_OIDC_ISSUER"
    ):
        run(Settings(host=host))


def test_an_open_page_is_not_published_by_a_proxy_either() -> None:
    with pytest.raises(ConfigError, match=r"GLADOS_WEB_PUBLIC_URL=https://chat\.example\.org"):
        require_sign_in(Settings(), WebSettings(public_url="https://chat.example.org"))
    require_sign_in(Settings(), WebSettings(public_url="http://localhost:5950"))


@pytest.mark.parametrize("host", OUTSIDE)
def test_with_a_password_it_is(host: str, web: WebSettings) -> None:
    require_sign_in(Settings(host=host), web)


ISSUER = {"oidc_issuer": "https://id.example.org", "public_url": "https://chat.example.org", "oidc_client_id": "glados"}


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        (ISSUER, "GLADOS_WEB_OIDC_EMAILS"),
        (ISSUER | {"oidc_emails": "@x.example", "oidc_client_id": ""}, "GLADOS_WEB_OIDC_CLIENT_ID"),
        (ISSUER | {"oidc_emails": "@x.example", "public_url": ""}, "GLADOS_WEB_PUBLIC_URL"),
    ],
)
def test_half_a_provider_is_refused_by_name(fields: dict[str, str], missing: str) -> None:
    with pytest.raises(ConfigError, match=missing):
        require_sign_in(Settings(), WebSettings(**fields))  # type: ignore[arg-type]  # texts, as they are written


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("password", "short", "12 characters"),
        ("public_url", "http://chat.example.org", "https"),
        ("public_url", "https://chat.example.org/glados", "without a path"),
        ("oidc_issuer", "http://id.example.org", "https"),
        ("oidc_issuer", "ftp://127.0.0.1", "https"),
        ("trusted_proxies", "everybody", "no address"),
        ("trusted_proxies", "10.0.0.1/8", "no address"),
        ("session_idle", "1", "60"),
    ],
)
def test_bad_settings_are_one_line_that_says_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"GLADOS_WEB_{name.upper()}", value)
    with pytest.raises(ConfigError, match=rf"GLADOS_WEB_{name.upper()}.*{says}") as caught:
        load(WebSettings)
    assert len(str(caught.value).splitlines()) == 1


def test_a_hash_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="hash-password"):
        Password("$argon2id$nonsense")


async def test_chats_of_before_there_was_a_sign_in_stay_with_their_browser(
    settings: Settings, web: WebSettings, redis_url: str
) -> None:
    """What an earlier GLaDOS wrote of a session was `1`."""
    conversation, cookie = new_conversation(), "B" * 43
    name = hashlib.sha256(cookie.encode()).hexdigest()
    with redis.Redis.from_url(redis_url) as store:
        store.set(f"glados:{{web}}:session:{name}", "1")
        store.set(f"glados:{{web}}:owner:{conversation}", name)
    async with running(create_app(settings)) as url, browser(url, **{COOKIE: cookie}) as client:
        assert (await client.get(f"/c/{conversation}")).status_code == 200
    async with running(create_app(settings, web)) as url, browser(url, **{COOKIE: cookie}) as client:
        assert (await client.get(f"/c/{conversation}")).status_code == 303
        await sign_in(client)
        assert (await client.get(f"/c/{conversation}")).status_code == 200
