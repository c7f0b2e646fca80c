"""The page's routes: questions in, turns accepted; answers come out of chat_stream.py."""

import hashlib
import logging
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Annotated, Any
from urllib.parse import quote

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException

from glados_bots.conversation import Turn
from glados_bots.errors import GladosError, StoreUnavailableError
from glados_bots.http_server.head_requests import HeadAsGet
from glados_bots.http_server.listening import require_free_port
from glados_bots.http_server.protocol import BoundedProtocol, raise_file_limit
from glados_bots.settings import Settings, load
from glados_web.answers.highlight import style_sheet
from glados_web.answers.stream import answer_events, until
from glados_web.chat import NO_CHAT, Chat
from glados_web.chats import new_conversation
from glados_web.door.door import EVENTS
from glados_web.door.protection import HEADERS, OwnName, SecurityHeaders, require_own_page
from glados_web.door.sign_in import add_sign_in, own_place
from glados_web.pages import show
from glados_web.settings import WebSettings, require_sign_in, words
from glados_web.status import add_status

log = logging.getLogger(__name__)

AWAY = "The conversation store does not answer right now. Nothing was lost; this goes on as soon as it is back."
BROKEN = "Something went wrong on our side. The operator has a record of it."


def create_app(settings: Settings, web: WebSettings | None = None) -> FastAPI:
    """The ASGI app of the page.

    Args:
        settings: of every role.
        web: of the page; read from the environment when not given.

    Raises:
        ConfigError: the password's hash is none.
    """
    web = web or load(WebSettings)
    chat = Chat(settings, web)
    app = FastAPI(title="GLaDOS", lifespan=chat.lifespan, openapi_url=None, dependencies=[Depends(chat.door.admit)])
    app.state.closing, app.state.public_host = chat.closing, web.public_host
    if web.public_host or not web.needs_sign_in:
        app.add_middleware(OwnName, public_host=web.public_host)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders, is_https=web.public_url.startswith("https:"))
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    _add_errors(app)
    _add_pages(app, chat)
    _add_questions(app, chat)
    _add_actions(app, chat)
    add_sign_in(app, chat.door, chat.store)
    add_status(app, chat)
    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(StoreUnavailableError)
    async def away(request: Request, error: StoreUnavailableError) -> Response:
        log.warning("%s", error)
        return _error(request, 503, AWAY, {"Retry-After": "2"})

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> Response:
        if error.status_code == HTTPStatus.UNAUTHORIZED and _wants_page(request):
            place = own_place("/?new" if "new" in request.query_params else request.scope["path"])
            return RedirectResponse("/sign-in" if place == "/" else f"/sign-in?next={quote(place, safe='/')}", 303)
        return _error(request, error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        del error  # the server logs it, as it is raised again; this answer is made outside of all middleware
        return _error(request, 500, BROKEN, {**HEADERS, "Cache-Control": "no-store"})


def _error(request: Request, status: int, text: str, headers: dict[str, str]) -> Response:
    if _wants_page(request):
        response = show("error", status, code=status, text=text)
        response.headers.update(headers)
        return response
    return JSONResponse({"error": text}, status, headers)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _add_pages(app: FastAPI, chat: Chat) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/code.css")
    async def code_css() -> Response:
        dark = "\n".join(f"  {line}" for line in style_sheet(".answer code", "github-dark").splitlines())
        css = f"{style_sheet('.answer code')}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
        return Response(css, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @app.get("/")
    async def home(request: Request) -> Response:
        session = chat.session(request)
        chats = await chat.chats.of(session) if session else []
        if chats and "new" not in request.query_params:
            return RedirectResponse(f"/c/{chats[0][0]}", 303)
        page = await chat.page(session, new_conversation())
        if session is None:
            await chat.door.welcome(request, page)
        return page

    @app.get("/c/{conversation}")
    async def conversation(conversation: str, request: Request) -> Response:
        session = chat.session(request)
        if session is None or not await chat.chats.owns(session, conversation):
            raise HTTPException(404, NO_CHAT)
        return await chat.page(session, conversation)

    @app.get(EVENTS)
    async def events(
        conversation: Annotated[str, Depends(chat.owned)],
        request: Request,
        awaits: Annotated[Sequence[str], Query()] = (),
        patient: bool = False,
    ) -> Response:
        return _stream(chat.events(conversation, request, awaits, is_patient=patient))

    @app.get("/c/{conversation}/turns/{turn}")
    async def answer(conversation: Annotated[str, Depends(chat.owned)], turn: str, request: Request) -> Response:
        lines = answer_events(chat.store, chat.surface, conversation, turn)
        return _stream(until([chat.closing.wait(), chat.signed_out(request)], lines))


def _stream(lines: AsyncIterator[str]) -> Response:
    return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _add_questions(app: FastAPI, chat: Chat) -> None:
    @app.post("/c/{conversation}/messages", dependencies=[Depends(require_own_page)], status_code=202)
    async def ask(conversation: str, request: Request, response: Response) -> dict[str, Any]:
        text, key = await chat.question(request)
        session = chat.session(request) or await chat.door.begin(request)
        if session is None:
            raise HTTPException(403, "Cookies are needed to keep your chats apart from others'. Reload the page.")
        if not await chat.chats.claim(session, conversation, text):
            raise HTTPException(404, NO_CHAT)
        name = hashlib.sha256(f"{conversation}:{key}".encode("utf-8", "replace")).hexdigest()[:32]
        turn = Turn(name, conversation, session.owner, text, channel=conversation)
        verdict = await chat.core.intake.accept(turn, joins=False)  # the page shows each question with its own answer
        if verdict.status == "refused":
            raise HTTPException(429, verdict.refusal)
        await chat.surface.tell(conversation)
        await chat.keep(session, conversation)
        chat.door.give_cookie(session, request, response)  # a first question: from now on the cookie is kept as long
        if chat.door.is_locked:
            await chat.door.remember(session, request, response)
        return {"turn": name, "ahead": verdict.ahead}


def _add_actions(app: FastAPI, chat: Chat) -> None:
    own_page = [Depends(require_own_page)]
    Owned = Annotated[str, Depends(chat.owned)]  # noqa: N806 - a type

    async def turn_of(conversation: str, turn: str) -> Turn:
        found = await chat.store.turn(turn)
        if found is None or found.conversation != conversation:
            raise HTTPException(404, "There is no such question in this chat.")
        return found

    @app.post("/c/{conversation}/turns/{turn}/stop", dependencies=own_page)
    async def stop(conversation: Owned, turn: str) -> dict[str, str]:
        await turn_of(conversation, turn)
        await chat.store.change(turn, "stop")
        return {"status": "stopping"}

    @app.post("/c/{conversation}/turns/{turn}/redo", dependencies=own_page)
    async def redo(conversation: Owned, turn: str) -> dict[str, str]:
        found = await turn_of(conversation, turn)
        await chat.surface.forget(conversation, turn)
        verdict = await chat.core.intake.redo(turn, found.author)
        if verdict and verdict.status == "refused":
            raise HTTPException(429, verdict.refusal)
        await chat.surface.tell(conversation)
        return {"status": "queued"}

    @app.post("/c/{conversation}/clear", dependencies=own_page)
    async def clear(conversation: Owned) -> dict[str, str]:
        await chat.forget(conversation)
        await chat.chats.untitle(conversation)
        return {"status": "cleared"}

    @app.post("/c/{conversation}/delete", dependencies=own_page)
    async def delete(conversation: Owned, request: Request) -> dict[str, str]:
        await chat.forget(conversation)
        if session := chat.session(request):
            await chat.chats.forget(session, conversation)
        return {"status": "deleted"}


class _Server(uvicorn.Server):
    """Tells the app as soon as a signal asks for the end; uvicorn itself waits for open streams first."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal handler, in the main thread."""
        self.config.app.state.closing.set()  # type: ignore[union-attr]  # it is the app given below
        super().handle_exit(sig, frame)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError when the port is taken, or strangers could come in."""
    web = load(WebSettings)
    require_sign_in(settings, web)
    require_free_port(settings.host, settings.web_port, "GLADOS_WEB_PORT")
    raise_file_limit()
    server = _Server(server_config(settings, web))
    server.run()
    if not server.started:
        raise GladosError("the web page could not start; the lines above say why")


def server_config(settings: Settings, web: WebSettings) -> uvicorn.Config:
    """How the page is served. What a proxy says of a visitor counts only from the proxies that are named."""
    return uvicorn.Config(
        create_app(settings, web),
        host=settings.host,
        port=settings.web_port,
        log_level="warning" if settings.log_level == "info" else settings.log_level,  # the stack says what people need
        access_log=False,
        server_header=False,
        http=BoundedProtocol,
        proxy_headers=bool(web.trusted_proxies),
        forwarded_allow_ips=list(words(web.trusted_proxies)),
        timeout_graceful_shutdown=5,
    )
