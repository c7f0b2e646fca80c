"""Routes for sign-in and sign-out: the form for the shared password, the way to the provider and back, the sign-out.

    glados:{web}:flow:HASH   str   JSON of a sign-in in progress at the provider; HASH is the hash of its state

An answer from the provider is valid once, for ten minutes, and only in the browser that began the sign-in. A cookie
of that browser remembers where to go afterwards: the place may be a shared link, whose token must not be in Redis.
"""

import hmac
import json
import logging
import re
import secrets
from collections.abc import Awaitable
from dataclasses import asdict
from datetime import timedelta
from typing import Any, cast
from urllib.parse import parse_qs, quote, unquote

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from glados_bots.store.connection import Client, reply_of
from glados_bots.store.store import Store
from glados_bots.wording.sentence import NOTHING, Sentence, say
from glados_web.door import oidc
from glados_web.door.door import Door
from glados_web.door.oidc import Provider, SignInFailedError
from glados_web.door.password import Password
from glados_web.door.protection import require_navigation, require_own_form
from glados_web.door.sessions import Session, hash_of
from glados_web.door.throttle import Throttle
from glados_web.pages import show

log = logging.getLogger(__name__)

FLOW_S = 600
FLOW_COOKIE = "glados_flow"
LONGEST_FORM = 8_192  # bytes
NEXT = re.compile(
    r"/(?:c/[A-Za-z0-9_-]{22}|s/[A-Za-z0-9_-]{32}|status|\?new)?"
)  # where to go after the sign-in; never to another host


def add_sign_in(app: FastAPI, door: Door, store: Store) -> None:
    _add_page(app, door)
    if door.web.password is not None:
        _add_password(app, door, Password(door.web.password.get_secret_value()), Throttle(store, "guesses", 10, 300))
    if door.web.oidc_issuer:
        flows = Flows(store.client, store.prefix)
        _add_provider(app, door, Provider(door.web), flows, Throttle(store, "flows", 60, 3000))


def own_place(text: str) -> str:
    """Return where to go after the sign-in: `text` if it is a page of ours, else the start page."""
    return text if NEXT.fullmatch(text) else "/"


def _add_page(app: FastAPI, door: Door) -> None:
    @app.get("/sign-in")
    async def sign_in(request: Request) -> Response:
        place = own_place(request.query_params.get("next", ""))
        if not door.is_locked or await door.visitor(request):
            return RedirectResponse(place, 303)
        return _page(door, request, place)

    @app.post("/sign-out", dependencies=[Depends(require_own_form)])
    async def sign_out(request: Request) -> Response:
        if session := request.state.session:
            await door.sessions.end(session)
            log.info("signed out: session %s", session.hash[:8])
        response = RedirectResponse("/sign-in" if door.is_locked else "/", 303)
        door.take_cookie(request, response)
        return response


def _add_password(app: FastAPI, door: Door, password: Password, throttle: Throttle) -> None:
    @app.post("/sign-in", dependencies=[Depends(require_own_form)])
    async def by_password(request: Request) -> Response:
        form = await _form(request)
        place, address = own_place(form.get("next", "")), _address(request)
        if wait_s := await throttle.wait_s(address, await door.browser(request)):
            log.warning("sign-in refused: too many guesses, the last one from %s", address)
            response = _page(door, request, place, say("door-guesses", wait=timedelta(seconds=wait_s)), 429)
            response.headers["Retry-After"] = str(wait_s)
            return response
        if not await password.is_right(form.get("password", "")):
            log.warning("sign-in refused: a wrong password from %s", address)
            return _page(door, request, place, say("door-wrong-password"), 401)
        await throttle.forgive(address, await door.browser(request))
        session = await door.sign_in(request, "password")
        log.info("signed in by the password: session %s", session.hash[:8])
        return await _entered(door, session, request, place)


def _add_provider(app: FastAPI, door: Door, provider: Provider, flows: "Flows", throttle: Throttle) -> None:
    @app.get("/sign-in/oidc", dependencies=[Depends(require_navigation)])
    async def begin(request: Request) -> Response:
        place = own_place(request.query_params.get("next", ""))
        if wait_s := await throttle.wait_s(_address(request), await door.browser(request)):
            return _page(door, request, place, say("door-flows", wait=timedelta(seconds=wait_s)), 429)
        asked, browser = oidc.Request(*(secrets.token_urlsafe(32) for _ in range(3))), secrets.token_urlsafe(32)
        try:
            response = RedirectResponse(await provider.address(asked), 303)
        except SignInFailedError as error:
            return _page(door, request, place, error.sentence, 503)
        await flows.begin(asked, browser)
        remembered = f"{browser}|{quote(place, safe='')}"
        door.set_cookie(request, response, door.cookie(request, FLOW_COOKIE), remembered, FLOW_S)
        return response

    @app.get("/sign-in/callback")
    async def come_back(request: Request) -> Response:
        answer = dict(request.query_params)
        browser, _, remembered = request.cookies.get(door.cookie(request, FLOW_COOKIE), "").partition("|")
        asked, place = await flows.take(answer.get("state", ""), browser), own_place(unquote(remembered))
        if asked is None:
            return _page(door, request, "/", say("door-other-browser"), 400)
        try:
            identity = await provider.identity(asked, answer)
        except SignInFailedError as error:
            return _page(door, request, place, error.sentence, 403)
        owner = hash_of(identity.owner)
        session = await door.sign_in(request, "oidc", owner, identity.email)
        log.info("signed in by the provider: session %s", session.hash[:8])
        await throttle.forgive(_address(request), await door.browser(request))
        response = await _entered(door, session, request, place)
        door.set_cookie(request, response, door.cookie(request, FLOW_COOKIE), "", 0)
        return response


async def _entered(door: Door, session: Session, request: Request, place: str) -> Response:
    response = RedirectResponse(place, 303)
    door.give_cookie(session, request, response)
    await door.remember(session, request, response)
    return response


class Flows:
    """Sign-ins in progress at the provider."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    async def begin(self, asked: oidc.Request, browser: str) -> None:
        text = json.dumps({"asked": asdict(asked), "browser": hash_of(browser)})
        await reply_of(cast("Awaitable[object]", self._client.set(self._key(asked.state), text, ex=FLOW_S)))

    async def take(self, state: str, browser: str) -> oidc.Request | None:
        """Return the request of this state, once; None if another browser began it."""
        found = await reply_of(cast("Awaitable[str | None]", self._client.getdel(self._key(state))))
        flow: dict[str, Any] = json.loads(found) if found else {"browser": ""}
        if not hmac.compare_digest(str(flow["browser"]), hash_of(browser)):
            return None
        return oidc.Request(**flow["asked"])

    def _key(self, state: str) -> str:
        return f"{self._prefix}flow:{hash_of(state)}"


def _page(door: Door, request: Request, place: str, problem: Sentence = NOTHING, status: int = 200) -> Response:
    return show(
        request,
        "sign_in",
        status,
        place=place,
        problem=problem,
        has_password=door.web.password is not None,
        has_provider=bool(door.web.oidc_issuer),
        provider=door.web.oidc_name,
    )


async def _form(request: Request) -> dict[str, str]:
    """Return the first value of each form field. Raises HTTPException if the form is too long or unreadable."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            raise HTTPException(413, say("door-form-long"))
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=10)
    except ValueError as error:
        raise HTTPException(400, say("door-form-unreadable")) from error
    return {name: values[0] for name, values in fields.items()}


def _address(request: Request) -> str:
    """Return the client's address. A proxy may name it only if GLADOS_WEB_TRUSTED_PROXIES lists that proxy."""
    return request.client.host if request.client else "unknown"
