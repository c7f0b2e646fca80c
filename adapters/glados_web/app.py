"""The page's routes: questions in, turns accepted; answers come out of stream.py."""

import hashlib
import logging
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException

from glados_bots.conversation import Turn
from glados_bots.errors import GladosError, StoreUnavailableError
from glados_bots.settings import Settings
from glados_bots.supervisor import require_free_port
from glados_web.chat import NO_CHAT, Chat, templates
from glados_web.highlight import style_sheet
from glados_web.protection import HEADERS, SecurityHeaders, require_own_page
from glados_web.sessions import new_conversation
from glados_web.stream import answer_events, until

log = logging.getLogger(__name__)

AWAY = "The conversation store does not answer right now. Nothing was lost; this goes on as soon as it is back."
BROKEN = "Something went wrong on our side. The operator has a record of it."


def create_app(settings: Settings) -> FastAPI:
    """The ASGI app of the page."""
    chat = Chat(settings)
    app = FastAPI(title="GLaDOS", lifespan=chat.lifespan, openapi_url=None)
    app.state.closing = chat.closing
    app.add_middleware(SecurityHeaders)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    _add_errors(app)
    _add_pages(app, chat)
    _add_questions(app, chat)
    _add_actions(app, chat)
    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(StoreUnavailableError)
    async def away(request: Request, error: StoreUnavailableError) -> Response:
        log.warning("%s", error)
        return _error(request, 503, AWAY, {"Retry-After": "2"})

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> Response:
        return _error(request, error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        del error  # the server logs it, as it is raised again; this answer is made outside of all middleware
        return _error(request, 500, BROKEN, {**HEADERS, "Cache-Control": "no-store"})


def _error(request: Request, status: int, text: str, headers: dict[str, str]) -> Response:
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        html = templates.get_template("error.html").render(status=status, text=text)
        return HTMLResponse(html, status, headers)
    return JSONResponse({"error": text}, status, headers)


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
        session = await chat.session(request) or await chat.sessions.begin()
        chats = await chat.sessions.chats(session)
        if chats and "new" not in request.query_params:
            return RedirectResponse(f"/c/{chats[0][0]}", 303)
        page = await chat.page(session, new_conversation())
        chat.give_cookie(session, request, page)
        return page

    @app.get("/c/{conversation}")
    async def conversation(conversation: str, request: Request) -> Response:
        session = await chat.session(request)
        if session is None or not await chat.sessions.owns(session, conversation):
            raise HTTPException(404, NO_CHAT)
        return await chat.page(session, conversation)

    @app.get("/c/{conversation}/turns/{turn}")
    async def events(conversation: Annotated[str, Depends(chat.owned)], turn: str) -> Response:
        lines = until(chat.closing, answer_events(chat.store, chat.surface, conversation, turn))
        return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _add_questions(app: FastAPI, chat: Chat) -> None:
    @app.post("/c/{conversation}/messages", dependencies=[Depends(require_own_page)], status_code=202)
    async def ask(conversation: str, request: Request) -> dict[str, Any]:
        text, key = await chat.question(request)
        session = await chat.session(request)
        if session is None:
            raise HTTPException(403, "Cookies are needed to keep your chats apart from others'. Reload the page.")
        if not await chat.sessions.claim(session, conversation, text):
            raise HTTPException(404, NO_CHAT)
        name = hashlib.sha256(f"{conversation}:{key}".encode("utf-8", "replace")).hexdigest()[:32]
        turn = Turn(name, conversation, session.hash, text, channel=conversation)
        verdict = await chat.core.intake.accept(turn, joins=False)  # the page shows each question with its own answer
        if verdict.status == "refused":
            raise HTTPException(429, verdict.refusal)
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
        return {"status": "queued"}

    @app.post("/c/{conversation}/clear", dependencies=own_page)
    async def clear(conversation: Owned) -> dict[str, str]:
        await chat.forget(conversation)
        await chat.sessions.untitle(conversation)
        return {"status": "cleared"}

    @app.post("/c/{conversation}/delete", dependencies=own_page)
    async def delete(conversation: Owned, request: Request) -> dict[str, str]:
        await chat.forget(conversation)
        if session := await chat.session(request):
            await chat.sessions.forget(session, conversation)
        return {"status": "deleted"}


class _Server(uvicorn.Server):
    """Tells the app as soon as a signal asks for the end; uvicorn itself waits for open streams first."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal handler, in the main thread."""
        self.config.app.state.closing.set()  # type: ignore[union-attr]  # it is the app given below
        super().handle_exit(sig, frame)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError when the port is taken."""
    require_free_port(settings.host, settings.web_port, "GLADOS_WEB_PORT")
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.web_port,
        log_level="warning" if settings.log_level == "info" else settings.log_level,  # the stack says what people need
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    server.run()
    if not server.started:
        raise GladosError("the web page could not start; the lines above say why")
