"""Sign-in by an OpenID Connect provider: who comes in, and every token that must not let anybody in."""

import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import redis
from joserfc import jwt
from joserfc.jwk import OctKey

from glados_bots.settings import Settings
from glados_web.app import create_app
from glados_web.chats import new_conversation
from glados_web.settings import WebSettings
from tests.fakes.oidc import CLIENT, SECRET, Claims, FakeProvider, ec_key, rsa_key, unsigned
from tests.servers import free_port, running
from tests.web.conftest import browser, english, words_of


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    fake = FakeProvider()
    async with running(fake.app()) as url:
        fake.issuer = url
        yield fake


@pytest.fixture
async def locked(settings: Settings, provider: FakeProvider) -> AsyncIterator[str]:
    """URL of a page behind the provider."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    provider.redirect_uri = f"{url}/sign-in/callback"
    web = web_settings(provider, url)
    admins = settings.model_copy(update={"admins": "web:ada@example.org"})
    async with running(create_app(admins, web), port):
        yield url


def web_settings(provider: FakeProvider, url: str, **more: Any) -> WebSettings:
    fields = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    return WebSettings(public_url=url, **{**fields, "oidc_emails": "ada@example.org,@team.example", **more})


async def sign_in(client: httpx.AsyncClient, path: str = "/sign-in/oidc") -> httpx.Response:
    """Follow the redirects to the provider and back."""
    return await client.get(path, follow_redirects=True)


async def at_the_provider(asked: httpx.Response) -> str:
    """Where the provider sends the browser that we sent to it."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return str((await client.get(asked.headers["location"])).headers["location"])


async def test_a_known_person_comes_in_and_keeps_the_chats_in_every_browser(locked: str) -> None:
    conversation = new_conversation()
    async with browser(locked) as first, browser(locked) as second:
        assert (await first.get("/")).headers["location"] == "/sign-in"
        page = await sign_in(first)
        assert (page.status_code, page.url.path) == (200, "/")
        assert "ada@example.org" in page.text
        asked = await first.post(f"/c/{conversation}/messages", json={"text": "Mine", "key": "k"})
        assert asked.status_code == 202
        assert (await second.get(f"/c/{conversation}")).headers["location"] == f"/sign-in?next=/c/{conversation}"
        back = await sign_in(second, f"/sign-in/oidc?next=/c/{conversation}")
        assert back.url.path == f"/c/{conversation}"
        assert "Mine" in back.text


async def test_the_request_has_pkce_state_and_nonce_new_each_time(locked: str, provider: FakeProvider) -> None:
    for _ in range(2):
        async with browser(locked) as client:
            await sign_in(client)
    first, second = provider.asked
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]
    assert first["code_challenge_method"] == "S256"
    assert first["response_type"] == "code"
    assert first["redirect_uri"] == f"{locked}/sign-in/callback"


async def test_another_person_has_other_chats(locked: str, provider: FakeProvider) -> None:
    conversation = new_conversation()
    async with browser(locked) as ada, browser(locked) as bob:
        await sign_in(ada)
        await ada.post(f"/c/{conversation}/messages", json={"text": "Mine", "key": "k"})
        provider.person = {"sub": "2", "email": "bob@team.example", "email_verified": True}
        await sign_in(bob)
        assert (await bob.get(f"/c/{conversation}")).status_code == 404
        await sign_in(bob)
        provider.person = {"sub": "1", "email": "new-name@team.example", "email_verified": True}
        await sign_in(bob)
        assert "Mine" in (await bob.get(f"/c/{conversation}")).text


NOBODY: list[tuple[str, Claims]] = [
    ("unknown address", {"email": "eve@example.org"}),
    ("address of a domain that ends alike", {"email": "eve@notteam.example"}),
    ("domain in the name", {"email": "eve@team.example@evil.example"}),
    ("address nobody verified", {"email_verified": False}),
    ("verified as text", {"email_verified": "true"}),
    ("no address", {"email": None}),
    ("groups that are no list", {"email": None, "groups": "staff"}),
]


@pytest.mark.parametrize("said", [said for _, said in NOBODY], ids=[name for name, _ in NOBODY])
async def test_who_is_on_no_list_stays_out(locked: str, provider: FakeProvider, said: Claims) -> None:
    provider.person |= said
    async with browser(locked) as client:
        page = await sign_in(client)
        assert page.status_code == 403
        assert english("door-not-listed") in words_of(page)
        assert (await client.get("/")).headers["location"] == "/sign-in"


async def test_a_group_lets_in(settings: Settings, provider: FakeProvider) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    provider.redirect_uri = f"{url}/sign-in/callback"
    web = web_settings(provider, url, oidc_emails="", oidc_groups="staff, admins")
    async with running(create_app(settings, web), port):
        for groups, status in ((["staff"], 200), (["guests"], 403), (["staffs"], 403), ([], 403), (None, 403)):
            provider.person = {"sub": "7", "email": "x@example.org", "email_verified": True, "groups": groups}
            async with browser(url) as client:
                assert (await sign_in(client)).status_code == status, groups


NOW = int(time.time())
FORGED: list[tuple[str, Callable[[Claims], Claims]]] = [
    ("another issuer", lambda claims: claims | {"iss": "https://evil.example"}),
    ("issuer with a slash more", lambda claims: claims | {"iss": f"{claims['iss']}/"}),
    ("no issuer", lambda claims: claims | {"iss": None}),
    ("another audience", lambda claims: claims | {"aud": "other"}),
    ("audiences beside us", lambda claims: claims | {"aud": [CLIENT, "other"], "azp": CLIENT}),
    ("no audience", lambda claims: claims | {"aud": None}),
    ("another party", lambda claims: claims | {"azp": "other"}),
    ("expired", lambda claims: claims | {"exp": NOW - 3600, "iat": NOW - 7200}),
    ("no expiry", lambda claims: claims | {"exp": None}),
    ("from the future", lambda claims: claims | {"iat": NOW + 7200}),
    ("not yet", lambda claims: claims | {"nbf": NOW + 7200}),
    ("another nonce", lambda claims: claims | {"nonce": "replayed"}),
    ("no nonce", lambda claims: claims | {"nonce": None}),
    ("no subject", lambda claims: claims | {"sub": None}),
    ("another access token", lambda claims: claims | {"at_hash": "AAAA"}),
]


@pytest.mark.parametrize("bend", [bend for _, bend in FORGED], ids=[name for name, _ in FORGED])
async def test_a_token_that_is_not_for_this_request_lets_nobody_in(
    locked: str, provider: FakeProvider, bend: Callable[[Claims], Claims]
) -> None:
    provider.bend = bend
    await assert_refused(locked)


async def assert_refused(locked: str) -> None:
    async with browser(locked) as client:
        page = await sign_in(client)
        assert page.status_code == 403
        assert english("door-provider-answer") in words_of(page)
        assert (await client.get("/")).headers["location"] == "/sign-in"


@pytest.mark.parametrize("how", ["unknown key", "same key id", "none", "our secret", "public key as secret", "torn"])
async def test_a_token_with_another_signature_lets_nobody_in(locked: str, provider: FakeProvider, how: str) -> None:
    public = provider.keys[0].as_pem(private=False)
    makers: dict[str, Callable[[Claims], str]] = {
        "unknown key": lambda claims: provider.signed(claims, rsa_key()),
        "same key id": lambda claims: provider.signed(claims, rsa_key(), kid=str(provider.keys[0].kid)),
        "none": unsigned,
        "our secret": lambda claims: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET)),
        "public key as secret": lambda claims: jwt.encode(
            {"alg": "HS256"}, claims, OctKey.import_key(public.decode()[27:])
        ),
        "torn": lambda claims: provider.signed(claims)[:-20],
    }
    provider.sign = makers[how]
    await assert_refused(locked)


async def test_keys_may_change_and_be_of_another_kind(locked: str, provider: FakeProvider) -> None:
    async with browser(locked) as client:
        assert (await sign_in(client)).status_code == 200
        provider.keys, provider.algorithm = [ec_key()], "ES256"
        assert (await sign_in(client, "/sign-in/oidc")).status_code == 200


async def test_an_answer_counts_once_and_only_in_the_browser_that_asked(locked: str) -> None:
    async with browser(locked) as victim, browser(locked) as thief:
        asked = await victim.get("/sign-in/oidc")
        answer = await at_the_provider(asked)
        for cookies in ({}, {"glados_flow": secrets.token_urlsafe(32)}):
            thief.cookies.update(cookies)
            stolen = await thief.get(answer)
            assert stolen.status_code == 400
            assert english("door-other-browser") in words_of(stolen)
        late = await victim.get(answer)
        assert late.status_code == 400, "the thief's try used the state up"
        asked = await victim.get("/sign-in/oidc")
        answer = await at_the_provider(asked)
        assert (await victim.get(answer)).status_code == 303
        assert (await victim.get(answer)).status_code == 400


@pytest.mark.parametrize("state", ["", "x", "A" * 43, "\x00", "é" * 100])
async def test_a_state_we_never_gave_out_is_refused(locked: str, state: str) -> None:
    async with browser(locked) as client:
        await client.get("/sign-in/oidc")
        assert (await client.get("/sign-in/callback", params={"state": state, "code": "x"})).status_code == 400


async def test_an_answer_of_another_provider_is_refused(locked: str, provider: FakeProvider) -> None:
    """Mix-up: RFC 9207."""
    provider.answers_as = "https://evil.example"
    await assert_refused(locked)


async def test_a_refusal_by_the_provider_is_said_kindly(locked: str, provider: FakeProvider) -> None:
    provider.refuses = True
    async with browser(locked) as client:
        page = await sign_in(client)
        assert page.status_code == 403
        assert english("door-not-finished") in words_of(page)


async def test_a_provider_of_another_name_is_not_used(locked: str, provider: FakeProvider) -> None:
    provider.named_issuer = provider.issuer + "/"
    async with browser(locked) as client:
        page = await sign_in(client)
        assert page.status_code == 503
        assert english("door-provider-answer") in words_of(page)
    assert provider.asked == []


async def test_a_provider_that_is_away_is_said_and_open_chats_go_on(settings: Settings, provider: FakeProvider) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    away = web_settings(provider, url, oidc_issuer=f"http://127.0.0.1:{free_port()}")
    async with running(create_app(settings, away), port), browser(url) as client:
        page = await sign_in(client)
        assert page.status_code == 503
        assert english("door-provider-unreachable") in words_of(page)


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example", "/\\evil.example", "/c/../x", "/sign-out"])
async def test_nobody_is_sent_elsewhere_after_the_sign_in(locked: str, place: str) -> None:
    async with browser(locked) as client:
        asked = await client.get("/sign-in/oidc", params={"next": place})
        answer = await at_the_provider(asked)
        assert (await client.get(answer)).headers["location"] == "/"


async def test_the_secret_of_the_client_is_sent_to_the_provider_and_shown_nowhere(
    locked: str, provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with browser(locked) as client:
        asked = await client.get("/sign-in/oidc")
        assert SECRET not in str(asked.headers)
        assert (await sign_in(client)).status_code == 200
        provider.secret = "changed"
        page = await sign_in(client)
        assert page.status_code == 403
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("glados")]
    assert SECRET not in page.text + "".join(ours)
    verifiers = [parse_qs(urlsplit(line).query) for line in ours]
    assert not any("code" in found for found in verifiers)


async def test_an_admin_by_name_sees_details_and_others_do_not(locked: str, provider: FakeProvider) -> None:
    async with browser(locked) as client:
        await sign_in(client)
        assert english("status-acts") in (await client.get("/status")).text
        provider.person = {"sub": "2", "email": "bob@team.example", "email_verified": True}
        await sign_in(client)
        page = (await client.get("/status")).text
        assert english("status-acts") not in page
        assert "scripted" in page


@pytest.mark.parametrize("destination", ["image", "iframe", "script", "empty", "style"])
async def test_pictures_of_another_site_begin_no_sign_in(locked: str, redis_url: str, destination: str) -> None:
    """Sixty of them, in a page that somebody here looks at, would keep everybody at this address out."""
    embedded = {"Sec-Fetch-Dest": destination, "Sec-Fetch-Site": "cross-site", "Accept": "image/*,*/*;q=0.8"}
    async with browser(locked) as client:
        for _ in range(61):
            assert (await client.get("/sign-in/oidc", headers=embedded)).status_code == 403
        with redis.Redis.from_url(redis_url) as store:
            assert list(store.scan_iter("glados:{web}:flow*")) == []
        assert (await client.get("/sign-in/oidc", headers={"Sec-Fetch-Dest": "document"})).status_code == 303


async def test_sign_ins_that_came_to_their_end_are_not_counted(locked: str, redis_url: str) -> None:
    """An office is one address, and begins its day at once."""
    async with browser(locked) as client:
        await sign_in(client)
    with redis.Redis.from_url(redis_url, decode_responses=True) as store:
        assert list(store.scan_iter("glados:{web}:flows:*")) == ["glados:{web}:flows:all"]
        assert store.get("glados:{web}:flows:all") == "0"


async def test_a_browser_that_signed_in_before_begins_in_spite_of_others(locked: str, redis_url: str) -> None:
    async with browser(locked) as known, browser(locked) as stranger:
        await sign_in(known)
        with redis.Redis.from_url(redis_url) as store:
            store.set("glados:{web}:flows:all", 3000, ex=60)
        assert (await stranger.get("/sign-in/oidc")).status_code == 429
        assert (await known.get("/sign-in/oidc")).status_code == 303


async def test_what_a_browser_is_known_by_opens_no_chat_of_a_person(locked: str, provider: FakeProvider) -> None:
    """Chats of a person stay that person's, whoever signs in with the same browser."""
    conversation = new_conversation()
    async with browser(locked) as client:
        await sign_in(client)
        await client.post(f"/c/{conversation}/messages", json={"text": "Mine", "key": "k"})
        provider.person = {"sub": "2", "email": "bob@team.example", "email_verified": True}
        await sign_in(client)
        assert (await client.get(f"/c/{conversation}")).status_code == 404
