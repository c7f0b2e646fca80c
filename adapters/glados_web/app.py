"""The page as an ASGI app: its middleware and routes, and its errors in words for people."""

import logging
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from glados_bots.errors import StoreUnavailableError
from glados_bots.http_server.head_requests import HeadAsGet
from glados_bots.settings import Settings, load
from glados_bots.wording.sentence import Sentence, say
from glados_web.compressed import CompressedFiles
from glados_web.door.protection import HEADERS, OwnName, SecurityHeaders
from glados_web.door.sign_in import add_sign_in, own_place
from glados_web.export import add_export
from glados_web.manifest import add_manifest
from glados_web.pages import language_headers, language_of, show
from glados_web.parts import WebParts
from glados_web.routes import add_routes
from glados_web.search.routes import add_search
from glados_web.settings import WebSettings
from glados_web.sharing.routes import add_sharing
from glados_web.status import add_status

log = logging.getLogger(__name__)


def create_app(settings: Settings, web: WebSettings | None = None) -> FastAPI:
    """Build the ASGI app of the page. Without `web`, read these settings from the environment.

    Raises ConfigError if the password looks like a hash but is not a valid one.
    """
    web = web or load(WebSettings)
    parts = WebParts(settings, web)
    app = FastAPI(title="GLaDOS", lifespan=parts.lifespan, openapi_url=None, dependencies=[Depends(parts.door.admit)])
    app.state.closing, app.state.public_host = parts.closing, web.public_host
    app.state.language = settings.language
    if web.public_host or not web.needs_sign_in:
        app.add_middleware(OwnName, public_host=web.public_host)
    app.add_middleware(CompressedFiles)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders, is_https=web.public_url.startswith("https:"))
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    _add_errors(app)
    add_routes(app, parts)
    add_search(app, parts)
    add_export(app, parts)
    add_sharing(app, parts)
    add_sign_in(app, parts.door, parts.store)
    add_status(app, parts)
    add_manifest(app)
    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(StoreUnavailableError)
    async def away(request: Request, error: StoreUnavailableError) -> Response:
        log.warning("%s", error)
        return _error(request, 503, say("page-store-unreachable"), {"Retry-After": "2"})

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.UNAUTHORIZED and _wants_page(request):
            place = own_place("/?new" if "new" in request.query_params else request.scope["path"])
            return RedirectResponse("/sign-in" if place == "/" else f"/sign-in?next={quote(place, safe='/')}", 303)
        return _error(request, error.status_code, _what(error), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        log.info("%s %s: %s", request.method, request.scope["path"], error)
        return _error(request, 422, say("page-refused", status="422"), {})

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        """End quietly: the browser went away in the middle of its request, and nobody reads a response."""
        del request, error
        return Response(status_code=400)

    @app.exception_handler(Exception)
    async def broken(request: Request, _: Exception) -> Response:
        """Set all headers: no middleware does it here. Starlette raises the error again, and the server logs it."""
        return _error(request, 500, say("broken"), {**HEADERS, "Cache-Control": "no-store"})


def _what(error: HTTPException) -> Sentence:
    """Return our own sentence, or one of ours in place of the framework's words."""
    if isinstance(error.detail, Sentence):
        return error.detail
    is_lost = error.status_code == HTTPStatus.NOT_FOUND
    return say("page-not-found") if is_lost else say("page-refused", status=str(error.status_code))


def _error(request: Request, status: int, said: Sentence, headers: dict[str, str]) -> Response:
    if not _wants_page(request):
        language = language_of(request)
        headers = language_headers(language) | headers
        return JSONResponse({"error": said.in_language(language)}, status, headers)
    response = show(request, "error", status, code=status, text=said)
    response.headers.update(headers)
    return response


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
