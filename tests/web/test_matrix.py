"""Whoever may come in may touch what is theirs, and nothing of anybody else's: on every route."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from glados_bots.settings import Settings
from glados_web.app import create_app
from glados_web.chats import new_conversation
from glados_web.settings import WebSettings
from tests.fakes.oidc import CLIENT, FakeProvider
from tests.fakes.scripted_model import ScriptedModel
from tests.servers import free_port, running

PAGE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def people(settings: Settings) -> AsyncIterator[tuple[list[Route], httpx.AsyncClient, httpx.AsyncClient]]:
    """The page's routes, and two people who signed in by name."""
    provider, port = FakeProvider(secret=""), free_port()
    url = f"http://127.0.0.1:{port}"
    provider.redirect_uri = f"{url}/sign-in/callback"
    async with running(provider.app()) as issuer:
        provider.issuer = issuer
        web = WebSettings(public_url=url, oidc_issuer=issuer, oidc_client_id=CLIENT, oidc_emails="@example.org")
        app = create_app(settings, web)
        async with running(app, port):
            ada = httpx.AsyncClient(base_url=url, trust_env=False, headers=PAGE)
            bob = httpx.AsyncClient(base_url=url, trust_env=False, headers=PAGE)
            async with ada, bob:
                await ada.get("/sign-in/oidc", follow_redirects=True)
                provider.person = {"sub": "2", "email": "bob@example.org", "email_verified": True}
                await bob.get("/sign-in/oidc", follow_redirects=True)
                yield [route for route in app.routes if isinstance(route, Route)], ada, bob


async def ask(client: httpx.AsyncClient, conversation: str, text: str) -> str:
    response = await client.post(f"/c/{conversation}/messages", json={"text": text, "key": "k"})
    assert response.status_code == 202, response.text
    return str(response.json()["turn"])


async def views(client: httpx.AsyncClient, conversation: str, turn: str) -> list[dict[str, Any]]:
    response = await client.get(f"/c/{conversation}/turns/{turn}")
    return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]


async def test_nobody_reaches_what_is_anothers(
    people: tuple[list[Route], httpx.AsyncClient, httpx.AsyncClient], model: ScriptedModel
) -> None:
    """Each route that names a chat or a turn, as the other person.

    With both ids of the owner, and with a chat of one's own and the owner's turn. It must not exist for them, and
    nothing may have changed for the owner.
    """
    routes, ada, bob = people
    conversation, own = new_conversation(), new_conversation()
    turn = await ask(ada, conversation, "A secret")
    before = (await views(ada, conversation, turn))[-1]
    await views(bob, own, await ask(bob, own, "Bob's"))
    seen = len(model.prompts)
    named = [route for route in routes if "{conversation}" in route.path]
    assert len(named) >= 7
    for route in named:
        for method in sorted(route.methods or ()):
            for chat in (conversation, own) if "{turn}" in route.path else (conversation,):
                path = route.path.replace("{conversation}", chat).replace("{turn}", turn)
                response = await bob.request(method, path, json={"text": "x", "key": "k9", "vote": "up"})
                told = response.text
                is_nothing = response.status_code == 404 or '"state": "removed"' in told
                assert is_nothing, (method, path, response.status_code)
                assert "secret" not in told
                assert "Hello" not in told
    assert len(model.prompts) == seen, "nothing was asked again"
    assert (await views(ada, conversation, turn))[-1] == before
    assert "A secret" in (await ada.get(f"/c/{conversation}")).text
    assert conversation not in (await bob.get("/", follow_redirects=True)).text


async def test_a_running_answer_cannot_be_watched_or_stopped_by_another(
    people: tuple[list[Route], httpx.AsyncClient, httpx.AsyncClient], model: ScriptedModel
) -> None:
    _, ada, bob = people
    model.gate.clear()
    conversation = new_conversation()
    turn = await ask(ada, conversation, "Speak")
    await model.reached.wait()
    assert (await bob.get(f"/c/{conversation}/turns/{turn}")).status_code == 404
    assert (await bob.post(f"/c/{conversation}/turns/{turn}/stop", json={})).status_code == 404
    model.gate.set()
    assert (await views(ada, conversation, turn))[-1]["state"] == "done"


async def test_ids_cannot_be_guessed() -> None:
    """128 random bits for a chat; a turn's name is a hash of its chat's."""
    names = {new_conversation() for _ in range(1000)}
    assert len(names) == 1000
    assert {len(name) for name in names} == {22}
