"""The way of every REST call: authorisation, faults, rate limits, the handler, errors as JSON, the ledger."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import cast

from aiohttp import web

from tests.fakes.common.faults import Faults
from tests.fakes.discord.world.errors import ApiError
from tests.fakes.discord.world.ledger import RequestRecord
from tests.fakes.discord.world.models import JsonObject
from tests.fakes.discord.world.state import NewFile, World

from .faults import Fault
from .ratelimits import BUCKETS, RateLimits, Verdict

API = "/api/v10"
VIA = {"Via": "1.1 google"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def reply(data: object = None, status: int = 200) -> web.Response:
    """An answer in JSON; without data, an empty one with status 204.

    The content type carries no charset, because clients compare it with `application/json` literally.
    """
    if data is None:
        return web.Response(status=204)
    return web.Response(body=json.dumps(data).encode(), status=status, content_type="application/json")


def path_id(request: web.Request, name: str) -> int:
    """An id from the path."""
    return int(request.match_info[name])


@dataclass
class Body:
    """A request's JSON object and the files that came with it."""

    payload: JsonObject
    files: list[NewFile] = field(default_factory=list)


async def read_body(request: web.Request) -> Body:
    """Read a body in JSON, alone or as the `payload_json` part of a form.

    Raises:
        ApiError: 50109 for a body that is not JSON.
    """
    if not request.content_type.startswith("multipart/"):
        text = await request.text()
        return Body(_parse(text) if text else {})
    body = Body({})
    for name, part in (await request.post()).items():
        if isinstance(part, web.FileField):
            body.files.append((part.filename, part.content_type, part.file.read()))
        elif name == "payload_json" and isinstance(part, str):
            body.payload = _parse(part)
    return body


def _parse(text: str) -> JsonObject:
    try:
        return cast("JsonObject", json.loads(text))
    except ValueError as error:
        raise ApiError(50109) from error


class Pipeline:
    """The middleware of the REST side."""

    def __init__(self, world: World, limits: RateLimits, faults: Faults[..., Fault], token: str) -> None:
        self._world = world
        self._limits = limits
        self._faults = faults
        self._token = token

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request and enter it into the ledger."""
        if not request.path.startswith(API):
            return await handler(request)
        path = request.path.removeprefix(API)
        record = RequestRecord(self._world.clock.now(), request.method, path=path)
        uploads = request.content_type.startswith("multipart/")
        fault = self._faults.take(lambda one: one.hits_call(request.method, path, uploads=uploads))
        if fault is not None:
            await fault.wait(self._world.clock)
        if fault is not None and not fault.after_commit and (fault.status or fault.drop):
            return self._spoil(request, fault, record)
        response, record = await self._serve(request, handler, record)
        if fault is not None and fault.after_commit:
            return self._spoil(request, fault, record)
        self._record(replace(record, status=response.status))
        return response

    async def _serve(
        self, request: web.Request, handler: Handler, record: RequestRecord
    ) -> tuple[web.StreamResponse, RequestRecord]:
        is_exempt = record.path.startswith(("/interactions/", "/webhooks/"))
        if not is_exempt and request.headers.get("Authorization") != f"Bot {self._token}":
            return self._refuse(ApiError(0)), record
        if record.path.startswith("/interactions/"):
            return await self._handle(request, handler), record
        verdict = self._check_limits(request, counts_globally=not is_exempt)
        if not verdict.allowed:
            refused = replace(record, limited_by=verdict.limited_by, avoidable=verdict.avoidable)
            return _too_many(verdict), refused
        response = await self._handle(request, handler)
        response.headers.update(verdict.headers)
        if response.status == web.HTTPTooManyRequests.status_code:
            record = replace(record, limited_by="resource")
        return response, record

    async def _handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            return self._refuse(error)
        except web.HTTPException as error:
            return reply({"message": f"{error.status}: {error.reason}", "code": 0}, error.status)

    def _refuse(self, error: ApiError) -> web.Response:
        response = reply(error.body, error.status)
        response.headers.update(VIA)
        return response

    def _check_limits(self, request: web.Request, *, counts_globally: bool) -> Verdict:
        resource = request.match_info.route.resource
        canonical = "" if resource is None else resource.canonical.removeprefix(API)
        majors = ("channel_id", "guild_id", "application_id", "token")
        major = "/".join(request.match_info[name] for name in majors if name in request.match_info)
        bucket = BUCKETS.get((request.method, canonical), "other")
        return self._limits.check(bucket, major, counts_globally=counts_globally)

    def _spoil(self, request: web.Request, fault: Fault, record: RequestRecord) -> web.StreamResponse:
        limited = "scripted" if fault.status == web.HTTPTooManyRequests.status_code else ""
        self._record(replace(record, status=0 if fault.drop else fault.status, limited_by=limited))
        if fault.drop and request.transport is not None:
            request.transport.abort()
        if limited:
            kind = "cloudflare" if fault.cloudflare else "bucket"
            return _too_many(Verdict(False, {} if fault.cloudflare else VIA, fault.retry_after_s, kind))
        message = fault.message or f"{fault.status}: scripted fault"
        return reply({"message": message, "code": fault.code}, fault.status or 500)

    def _record(self, record: RequestRecord) -> None:
        self._world.ledger.requests.append(record)
        self._world.ledger.changed()


def _too_many(verdict: Verdict) -> web.Response:
    status = web.HTTPTooManyRequests.status_code
    if verdict.limited_by == "cloudflare":
        return web.Response(text="error code: 1015", status=status, headers=verdict.headers, content_type="text/html")
    body = {
        "message": "You are being rate limited.",
        "retry_after": verdict.retry_after_s,
        "global": verdict.limited_by == "global",
    }
    response = reply(body, status)
    response.headers.update(verdict.headers)
    return response
