"""The way of every Web API call: arguments, token, faults, rate limits, scopes, the method, the ledger."""

import base64
import json
from dataclasses import replace

from aiohttp import web

from tests.fakes.common.faults import Faults
from tests.fakes.slack.world.apps import Token, Tokens
from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.ledger import RequestRecord
from tests.fakes.slack.world.models import JsonObject
from tests.fakes.slack.world.state import World

from .calls import Call, Method, parse_args
from .faults import Fault
from .ratelimits import RateLimits, Verdict

TOO_MANY = 429

# Slack takes JSON for methods that write, but one, and fields of a form or a query for all
# (docs.slack.dev, "Slack Web API").
FORMS = frozenset(
    "conversations.history conversations.info conversations.replies files.getUploadURLExternal files.info "
    "users.info".split()
)


class WebApi:
    """Answers `/api/<method>`."""

    def __init__(
        self, world: World, tokens: Tokens, limits: RateLimits, faults: Faults[..., Fault], methods: dict[str, Method]
    ) -> None:
        self._world = world
        self._tokens = tokens
        self._limits = limits
        self._faults = faults
        self._methods = methods

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call and enter it into the ledger."""
        name = request.match_info["method"]
        args, text, basic = await _read(request)
        record = RequestRecord(self._world.clock.now(), name, args=args)
        try:
            method = self._method(name)
            token = self._tokens.check(text, method.token) if method.token else None
            team_id = "" if token is None or token.installation is None else token.installation.team.id
            record = replace(record, team_id=team_id)
            # oauth.v2.exchange takes a token as what it is about, not as who calls.
            own = args if method.token else args | {"token": text}
            call = Call(self._world, name, own, token, basic)
        except ApiError as error:
            return self._refuse(record, error)
        fault = self._faults.take(lambda one: one.hits_call(name, team_id, args))
        if fault is not None:
            await fault.wait(self._world.clock)
            if fault.is_fatal and not fault.after_commit:
                return self._spoil(request, fault, record)
        verdict = self._limits.check(name, record.team_id, str(args.get("channel", "")))
        if not verdict.allowed:
            return self._too_many(record, verdict)
        try:
            body = self._carry_out(method, call)
        except ApiError as error:
            return self._refuse(record, error)
        if fault is not None and fault.is_fatal:
            return self._spoil(request, fault, record)
        self._record(replace(record, status=200))
        headers = {} if token is None or token.installation is None else _scope_headers(method, token)
        return _json({"ok": True, **body}, headers=headers)

    def _method(self, name: str) -> Method:
        if name not in self._methods:
            raise ApiError("unknown_method", req_method=name)
        return self._methods[name]

    def _carry_out(self, method: Method, call: Call) -> JsonObject:
        installation = None if call.token is None else call.token.installation
        if method.scopes and installation is not None and not installation.scopes & set(method.scopes):
            provided = ",".join(sorted(installation.scopes))
            raise ApiError("missing_scope", needed=",".join(method.scopes), provided=provided)
        return method.handle(call)

    def _refuse(self, record: RequestRecord, error: ApiError) -> web.Response:
        self._record(replace(record, status=error.status, error=error.code))
        return _json(error.body, error.status)

    def _too_many(self, record: RequestRecord, verdict: Verdict) -> web.Response:
        refused = replace(record, status=TOO_MANY, error="ratelimited")
        self._record(replace(refused, limited_by=verdict.limited_by, avoidable=verdict.avoidable))
        wait = {"Retry-After": str(verdict.retry_after_s)}
        return _json({"ok": False, "error": "ratelimited"}, TOO_MANY, wait)

    def _spoil(self, request: web.Request, fault: Fault, record: RequestRecord) -> web.StreamResponse:
        if fault.drop:
            self._record(replace(record, status=0))
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        if fault.status == TOO_MANY:
            refused = replace(record, status=TOO_MANY, error="ratelimited", limited_by="scripted")
            self._record(refused)
            wait = {"Retry-After": str(fault.retry_after_s)}
            return _json({"ok": False, "error": "ratelimited"}, TOO_MANY, wait)
        self._record(replace(record, status=fault.status or 200, error=fault.error))
        if fault.error:
            return _json({"ok": False, "error": fault.error}, fault.status or 200)
        page = "<!DOCTYPE html><title>Server Error | Slack</title>"
        return web.Response(text=page, status=fault.status, content_type="text/html")

    def _record(self, record: RequestRecord) -> None:
        self._world.ledger.requests.append(record)
        self._world.ledger.changed()


async def _read(request: web.Request) -> tuple[JsonObject, str, tuple[str, str]]:
    """Arguments, token, and client id and secret, from wherever Slack takes them."""
    args: JsonObject = parse_args(dict(request.query))
    if request.content_type == "application/json":
        text = await request.text()
        given = json.loads(text) if text else {}
        args |= given if request.match_info["method"] not in FORMS else {}
    else:
        args |= parse_args(dict(await request.post()))
    text = str(args.pop("token", ""))
    header = request.headers.get("Authorization", "")
    basic = ("", "")
    if header.startswith("Bearer "):
        text = header.removeprefix("Bearer ")
    elif header.startswith("Basic "):
        login, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        basic = login, password
    return args, text, basic


def _scope_headers(method: Method, token: Token) -> dict[str, str]:
    installation = token.installation
    scopes = [] if installation is None else sorted(installation.scopes)
    return {"X-OAuth-Scopes": ",".join(scopes), "X-Accepted-OAuth-Scopes": ",".join(method.scopes)}


def _json(body: JsonObject, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers=headers)
