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
from glados_web.chat_settings import add_chat_settings, begun
from glados_web.chat_stream import page_events
from glados_web.chats import new_conversation
from glados_web.door.door import EVENTS
from glados_web.door.protection import require_own_message
from glados_web.pages import language_of
from glados_web.parts import NO_CHAT, WebParts, session_of
from glados_web.question import Posted, read_question
from glados_web.turn_actions import OWN_PAGE, add_turn_actions, answer_anew, turn_of
from glados_web.typed_commands import think, wanted_level
from glados_web.uploads import Forms, is_form


def add_routes(app: FastAPI, parts: WebParts) -> None:
    _add_pages(app, parts)
    _add_streams(app, parts)
    _add_questions(app, parts)
    _add_actions(app, parts)
    add_turn_actions(app, parts)
    add_chat_settings(app, parts)


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
    forms = Forms(parts.settings, parts.store)

    @app.post("/c/{conversation}/messages", dependencies=[Depends(require_own_message)], status_code=202)
    async def ask(conversation: str, request: Request, response: Response) -> dict[str, Any]:
        if not is_form(request):
            posted = await read_question(request, parts.settings.message_max_chars)
            level = wanted_level(posted.text, language_of(request))
            if level is None:
                return await _accept(parts, conversation, posted, request, response)
            await begun(parts, conversation, request, response)
            told = await think(parts.core, conversation, level)
            return {"told": told.in_language(language_of(request))}
        visitor = await parts.door.name_of(request)
        if not visitor:  # only visitors whom we know may send files
            raise HTTPException(403, say("page-cookies"))
        async with forms.read(request, visitor) as posted:
            accepted = await _accept(parts, conversation, posted, request, response)
            forms.unread.add(visitor, accepted["turn"], sum(file.size for file in posted.attachments))
            return accepted


async def _accept(
    parts: WebParts, conversation: str, posted: Posted, request: Request, response: Response
) -> dict[str, Any]:
    """Save a question. Raises HTTPException if its chat is another's, or a limit refuses it."""
    session = await parts.visitor(request)
    title = posted.text or posted.attachments[0].name
    if not await parts.chats.claim(session, conversation, title):
        raise HTTPException(404, NO_CHAT)
    turn = _turn(posted, conversation, session.owner, language_of(request))
    verdict = await parts.core.intake.accept(turn, joins=False, uploads=posted.uploads)  # each has its own answer
    if verdict.status == "refused":
        raise HTTPException(429, verdict.refusal)
    await parts.surface.tell(conversation)
    await parts.keep(session, conversation)
    parts.door.give_cookie(session, request, response)  # after a first question the cookie lasts as long
    if parts.door.is_locked:
        await parts.door.remember(session, request, response)
    return {"turn": turn.id, "ahead": verdict.ahead}


def _turn(posted: Posted, conversation: str, owner: str, language: str) -> Turn:
    name = hashlib.sha256(f"{conversation}:{posted.key}".encode("utf-8", "replace")).hexdigest()[:32]
    place = {LANGUAGE: language}
    return Turn(
        name, conversation, owner, posted.text, channel=conversation, place=place, attachments=posted.attachments
    )


def _add_actions(app: FastAPI, parts: WebParts) -> None:
    Owned = Annotated[str, Depends(parts.owned)]  # noqa: N806 - a type

    @app.post("/c/{conversation}/turns/{turn}/stop", dependencies=OWN_PAGE)
    async def stop(conversation: Owned, turn: str) -> dict[str, str]:
        await turn_of(parts, conversation, turn)
        await parts.store.change(turn, "stop")
        return {"status": "stopping"}

    @app.post("/c/{conversation}/turns/{turn}/redo", dependencies=OWN_PAGE)
    async def redo(conversation: Owned, turn: str) -> dict[str, str]:
        await answer_anew(parts, await turn_of(parts, conversation, turn))
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
