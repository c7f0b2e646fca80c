"""What runs before every route: the key check, the size limit of the body, the request id and the access log."""

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glados_bots import logs, tracing
from glados_bots.inference.api.access import Caller, KeyGate
from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.metrics import Metrics

log = logging.getLogger(__name__)

MOST_BODY_BYTES = 2 * 2**20
MOST_DIGITS = 20  # digits of Content-Length
TOO_LARGE = f"the body may have at most {MOST_BODY_BYTES} bytes"
OPEN_PATHS = frozenset({"/health", "/ready"})
QUIET_PATHS = OPEN_PATHS | {"/metrics"}  # requested every few seconds: logged at debug level


class Guard:
    """ASGI middleware: refuses a bad key and a body that is too large, before anything is parsed.

    Every path except OPEN_PATHS needs a key, even a path without a route: deny by default. The path is the string that
    the router itself matches, never one built from the Host header. The route decides later what a key may do: see
    access.py.
    """

    def __init__(self, app: ASGIApp, gate: KeyGate, metrics: Metrics) -> None:
        self._app = app
        self._gate = gate
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        turn, request_id = logs.received(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        quiet = scope["path"] in QUIET_PATHS
        span = tracing.NOTHING if quiet else tracing.span("serve", carrier=headers)
        with logs.about(turn=turn, request=request_id), span as mark:
            mark.set(request=request_id, status=await self._answer(scope, receive, send, request_id))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> int:
        """Refuse the request, or pass it on. Returns the status of the response."""
        status, began = 500, time.monotonic()  # outside of this class, an exception becomes 500

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal:
                await refusal.response(self._metrics)(scope, receive, answered)
            else:
                await self._app(scope, _bounded(receive), answered)
        finally:
            _log_access(scope, status, time.monotonic() - began)
        return status

    def _refusal(self, scope: Scope) -> ApiError | None:
        headers = Headers(scope=scope)
        try:
            caller = Caller() if scope["path"] in OPEN_PATHS else self._gate.caller(headers)
        except ApiError as error:
            return error
        if caller is None:
            return ApiError(401, "invalid_api_key", "send a valid API key: Authorization: Bearer KEY")
        scope["state"]["caller"] = caller
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > MOST_DIGITS or int(length) > MOST_BODY_BYTES:
            return ApiError(413, "body_too_large", TOO_LARGE)
        return None


def _bounded(receive: Receive) -> Receive:
    """Limit a body even if its headers do not state its length."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MOST_BODY_BYTES:
            raise HTTPException(413, TOO_LARGE)
        return message

    return counted


def _log_access(scope: Scope, status: int, seconds: float) -> None:
    """Log the route, not the path: a path is text from outside and may contain line breaks."""
    route = getattr(scope.get("route"), "path", "(no route)")
    level = logging.DEBUG if scope["path"] in QUIET_PATHS else logging.INFO
    log.log(level, "%s %s %d in %.3f s", scope["method"], route, status, seconds)
