"""The page's routes: they accept questions as turns, and send answers as events."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from glados_bots.conversation import LANGUAGE, Turn
from glados_bots.wording.sentence import say
from glados_web.answers.highlight import style_sheet
from glados_web.answers.stream import answer_events, until
from glados_web.chat_page import chat_page
from glados_web.chat_stream import page_events
from glados_web.chats import new_conversation
from glados_web.door.door import EVENTS
from glados_web.door.protection import require_own_page
from glados_web.pages import language_of
from glados_web.parts import NO_CHAT, WebParts, session_of
from glados_web.question import read_question
from glados_web.typed_commands import think, wanted_level

OWN_PAGE = [Depends(require_own_page)]


def add_routes(app: FastAPI, parts: WebParts) -> None:
    _add_pages(app, parts)
    _add_streams(app, parts)
    _add_questions(app, parts)
    _add_actions(app, parts)


def _add_pages(app: FastAPI, parts: WebParts) -> None:
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
        session = session_of(request)
        chats = await parts.chats.of(session) if session else []
        if chats and "new" not in request.query_params:
            return RedirectResponse(f"/c/{chats[0][0]}", 303)
        page = await chat_page(parts, request, new_conversation())
        if session is None:
            await parts.door.welcome(request, page)
        return page

    @app.get("/c/{conversation}")
    async def conversation(conversation: Annotated[str, Depends(parts.owned)], request: Request) -> Response:
        return await chat_page(parts, request, conversation)


def _add_streams(app: FastAPI, parts: WebParts) -> None:
    Owned = Annotated[str, Depends(parts.owned)]  # noqa: N806 - a type

    @app.get(EVENTS)
    async def events(
        conversation: Owned, request: Request, awaits: Annotated[Sequence[str], Query()] = (), patient: bool = False
    ) -> Response:
        return _stream(page_events(parts, conversation, request, awaits, is_patient=patient))

    @app.get("/c/{conversation}/turns/{turn}")
    async def answer(conversation: Owned, turn: str, request: Request) -> Response:
        lines = answer_events(parts.store, parts.surface, conversation, turn, language_of(request))
        return _stream(until([parts.closing.wait(), parts.signed_out(request)], lines))


def _stream(lines: AsyncIterator[str]) -> Response:
    return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _add_questions(app: FastAPI, parts: WebParts) -> None:
    @app.post("/c/{conversation}/messages", dependencies=OWN_PAGE, status_code=202)
    async def ask(conversation: str, request: Request, response: Response) -> dict[str, Any]:
        text, key = await read_question(request, parts.settings.message_max_chars)
        session = session_of(request) or await parts.door.begin(request)
        if session is None:
            raise HTTPException(403, say("page-cookies"))
        level = wanted_level(text, language_of(request))
        is_new = not await parts.chats.owns(session, conversation)
        if not await parts.chats.claim(session, conversation, text):
            raise HTTPException(404, NO_CHAT)
        if level is not None:
            if is_new:
                await parts.chats.untitle(conversation)
            parts.door.give_cookie(session, request, response)
            told = await think(parts.core, conversation, level)
            return {"told": told.in_language(language_of(request))}
        name = hashlib.sha256(f"{conversation}:{key}".encode("utf-8", "replace")).hexdigest()[:32]
        place = {LANGUAGE: language_of(request)}
        turn = Turn(name, conversation, session.owner, text, channel=conversation, place=place)
        verdict = await parts.core.intake.accept(turn, joins=False)  # the page shows each question with its own answer
        if verdict.status == "refused":
            raise HTTPException(429, verdict.refusal)
        await parts.surface.tell(conversation)
        await parts.keep(session, conversation)
        parts.door.give_cookie(session, request, response)  # after a first question the cookie lasts as long
        if parts.door.is_locked:
            await parts.door.remember(session, request, response)
        return {"turn": name, "ahead": verdict.ahead}


def _add_actions(app: FastAPI, parts: WebParts) -> None:
    Owned = Annotated[str, Depends(parts.owned)]  # noqa: N806 - a type

    @app.post("/c/{conversation}/turns/{turn}/stop", dependencies=OWN_PAGE)
    async def stop(conversation: Owned, turn: str) -> dict[str, str]:
        await _turn_of(parts, conversation, turn)
        await parts.store.change(turn, "stop")
        return {"status": "stopping"}

    @app.post("/c/{conversation}/turns/{turn}/redo", dependencies=OWN_PAGE)
    async def redo(conversation: Owned, turn: str) -> dict[str, str]:
        found = await _turn_of(parts, conversation, turn)
        await parts.surface.forget(conversation, turn)
        verdict = await parts.core.intake.redo(turn, found.author)
        if verdict and verdict.status == "refused":
            raise HTTPException(429, verdict.refusal)
        await parts.surface.tell(conversation)
        return {"status": "queued"}

    @app.post("/c/{conversation}/clear", dependencies=OWN_PAGE)
    async def clear(conversation: Owned) -> dict[str, str]:
        await parts.forget(conversation)
        await parts.chats.untitle(conversation)
        return {"status": "cleared"}

    @app.post("/c/{conversation}/delete", dependencies=OWN_PAGE)
    async def delete(conversation: Owned, request: Request) -> dict[str, str]:
        await parts.forget(conversation)
        await parts.core.book.forget(conversation)
        if session := session_of(request):
            await parts.chats.forget(session, conversation)
        return {"status": "deleted"}


async def _turn_of(parts: WebParts, conversation: str, turn: str) -> Turn:
    found = await parts.store.turn(turn)
    if found is None or found.conversation != conversation:
        raise HTTPException(404, say("page-no-question"))
    return found
