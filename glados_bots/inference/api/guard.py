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

MOST_BODY_BYTES = 32 * 2**20  # with pictures
MOST_OTHER_BYTES = 2 * 2**20  # of a body without its pictures; checking.MOST_WORDS bounds the texts
MOST_LARGE_BYTES = 256 * 2**20  # of all large bodies at the same time: a body lives as long as its answer
MOST_DIGITS = 20  # digits of Content-Length
TOO_LARGE = f"the body may have at most {MOST_BODY_BYTES} bytes"
TOO_MANY_PARTS = f"the body may have at most {MOST_OTHER_BYTES} commas and brackets"
TOO_BUSY = "too many large requests at the moment; try again soon, or send smaller pictures"
BUSY_S = 10
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
        self._large = 0  # bytes of large bodies at the moment

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

        body = Body(self, receive)
        try:
            refusal = self._refusal(scope)
            if refusal:
                await refusal.response(self._metrics)(scope, receive, answered)
            else:
                await self._app(scope, body.next, answered)
        finally:
            self._large -= body.large
            _log_access(scope, status, time.monotonic() - began)
        return status

    def count(self, body: "Body", more: int) -> None:
        """Count further bytes of a large body. Raises HTTPException if all large bodies together have too many."""
        if self._large + more > MOST_LARGE_BYTES:
            raise HTTPException(429, TOO_BUSY, {"Retry-After": str(BUSY_S)})
        self._large += more
        body.large += more

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


class Body:
    """One request's body, limited even if its headers do not state its length.

    As objects, JSON of many small values takes ten times its bytes and more. A picture is one long text. So a large
    body may have no more commas and brackets than a small one.
    """

    def __init__(self, guard: Guard, receive: Receive) -> None:
        self._guard = guard
        self._receive = receive
        self._size = self._parts = 0
        self.large = 0  # bytes, as the guard has counted them

    async def next(self) -> Message:
        """Raises HTTPException if the body is too large, or too many others are large at the moment."""
        message = await self._receive()
        piece = message.get("body", b"")
        self._size += len(piece)
        self._parts += sum(map(piece.count, (b",", b"[", b"{")))
        if self._size > MOST_BODY_BYTES:
            raise HTTPException(413, TOO_LARGE)
        if self._parts > MOST_OTHER_BYTES:
            raise HTTPException(413, TOO_MANY_PARTS)
        if self._size > MOST_OTHER_BYTES:
            self._guard.count(self, len(piece) if self.large else self._size)
        return message


def _log_access(scope: Scope, status: int, seconds: float) -> None:
    """Log the route, not the path: a path is text from outside and may contain line breaks."""
    route = getattr(scope.get("route"), "path", "(no route)")
    level = logging.DEBUG if scope["path"] in QUIET_PATHS else logging.INFO
    log.log(level, "%s %s %d in %.3f s", scope["method"], route, status, seconds)
