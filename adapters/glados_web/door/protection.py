"""Protects all requests and responses: security headers, our own host name, proof that our page sent the request."""

from typing import cast
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glados_bots.http_server.listening import LOCAL_NAMES
from glados_bots.wording.sentence import say
from glados_web.pages import language_headers, language_of

POLICY = "Content-Security-Policy"
HEADERS = {
    POLICY: (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
ONE_YEAR = "max-age=31536000"
NOT_OURS = say("door-other-page")


class SecurityHeaders:
    """ASGI middleware: sets HEADERS on every response, errors included. Over https it also sets HSTS for a year."""

    def __init__(self, app: ASGIApp, *, is_https: bool = False) -> None:
        self._app = app
        self._headers = {**HEADERS, "Strict-Transport-Security": ONE_YEAR} if is_https else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                stricter = headers.get(POLICY)
                headers.update(self._headers)
                if stricter:
                    headers.append(POLICY, stricter)  # a browser obeys both
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


class OwnName:
    """ASGI middleware: refuses requests for a host name that is not ours.

    Another site may point its own name to 127.0.0.1 (DNS rebinding). The browser then takes our page for that site's.
    Only the Host header shows this. We compare it, and never build an address from it. `/health` answers under any
    name, because probes know only a machine's IP address.
    """

    def __init__(self, app: ASGIApp, public_host: str) -> None:
        self._app = app
        self._public_host = public_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != "/health" and not self._is_ours(Headers(scope=scope)):
            said = say("door-other-name", setting="GLADOS_WEB_PUBLIC_URL")
            language = language_of(HTTPConnection(scope))
            response = PlainTextResponse(said.in_language(language), 421, language_headers(language))
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, headers: Headers) -> bool:
        names = headers.getlist("host")
        if len(names) != 1:
            return False
        name = names[0].lower()
        host = name if name.endswith("]") else name.rpartition(":")[0] or name
        return host in LOCAL_NAMES or (bool(self._public_host) and name == self._public_host)


def require_own_page(request: Request) -> None:
    """Refuse a changing request that another site's page may have sent (CSRF). A plain form cannot send JSON."""
    if _is_foreign(request) or _content_type(request) != "application/json":
        raise HTTPException(403, NOT_OURS)


def require_own_message(request: Request) -> None:
    """Refuse a question that another site may have sent. One with files is a form, which any site can send."""
    if _content_type(request) == "multipart/form-data":
        require_own_form(request, "multipart/form-data")
    else:
        require_own_page(request)


def require_own_form(request: Request, kind: str = "application/x-www-form-urlencoded") -> None:
    """Refuse a form that another site may have sent. It needs no script, but its browser must name its origin."""
    says = {"sec-fetch-site", "origin"} & set(request.headers)
    if not says or _is_foreign(request) or _content_type(request) != kind:
        raise HTTPException(403, NOT_OURS)


def require_navigation(request: Request) -> None:
    """Refuse all but page visits: another site's images and frames could send requests as often as it likes."""
    if request.headers.get("sec-fetch-dest", "document") != "document":
        raise HTTPException(403, NOT_OURS)


def _is_foreign(request: Request) -> bool:
    """Whether another site sent the request. Browsers say so in Sec-Fetch-Site, older ones in Origin.

    A page that sends no referrer sends the Origin `null` with its forms. Then only Sec-Fetch-Site counts.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in {None, "same-origin", "none"}:
        return True
    if origin is None or (origin == "null" and site is not None):
        return False
    ours = {request.headers.get("host"), cast("str", request.app.state.public_host)} - {""}
    return urlsplit(origin).netloc not in ours


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip()
