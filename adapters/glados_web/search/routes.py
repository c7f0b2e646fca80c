"""The page of search results: a plain form, which works without a script."""

from fastapi import FastAPI, HTTPException, Request, Response

from glados_bots.wording.sentence import say
from glados_web.pages import show
from glados_web.parts import WebParts, session_of
from glados_web.search.search import MOST_FOUND, Found, search

LONGEST = 200  # characters of a search


def add_search(app: FastAPI, parts: WebParts) -> None:
    @app.get("/search")
    async def results(request: Request) -> Response:
        text = " ".join(request.query_params.get("q", "").split())
        if len(text) > LONGEST:
            raise HTTPException(400, say("page-search-long", most=LONGEST))
        session = session_of(request)
        chats = await parts.chats.of(session) if session and text else []
        found = await search(parts.store, chats, text) if chats else Found()
        return show(request, "search", text=text, found=found, longest=LONGEST, most=MOST_FOUND)
