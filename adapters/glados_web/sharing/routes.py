"""The routes of shared links. What a link shows has no session, no cookie, no stream and no way into the page."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Response

from glados_bots.wording.sentence import say
from glados_web.answers.markdown import render
from glados_web.answers.off_loop import off_loop
from glados_web.answers.painter import Patience
from glados_web.answers.stream import final_view
from glados_web.door.door import SHARED_LINK
from glados_web.door.protection import require_own_page
from glados_web.pages import language_of, rendered
from glados_web.parts import WebParts

OWN_PAGE = [Depends(require_own_page)]
NOT_INDEXED = {"X-Robots-Tag": "noindex, nofollow, noarchive"}


def add_sharing(app: FastAPI, parts: WebParts) -> None:
    if parts.door.web.share == "off":
        return
    _add_making(app, parts)

    @app.get(SHARED_LINK)
    async def shared(token: str, request: Request) -> Response:
        found = await parts.links.open(token)
        if found is None:
            raise HTTPException(404, say("page-no-link"), NOT_INDEXED)
        share, history = found
        language = language_of(request)
        page = await off_loop(
            rendered,
            "shared",
            language,
            at=datetime.fromtimestamp(share.at, UTC),
            history=history,
            render=partial(render, patience=Patience()),
            view=lambda exchange: final_view(exchange, language),
        )
        page.headers.update(NOT_INDEXED)
        return page


def _add_making(app: FastAPI, parts: WebParts) -> None:
    Owned = Annotated[str, Depends(parts.owned)]  # noqa: N806 - a type

    @app.post("/c/{conversation}/share", dependencies=OWN_PAGE)
    async def share(conversation: Owned) -> dict[str, str]:
        token = await parts.links.make(conversation)
        if token is None:
            raise HTTPException(409, say("page-share-nothing"))
        return {"path": SHARED_LINK.format(token=token)}

    @app.post("/c/{conversation}/unshare", dependencies=OWN_PAGE)
    async def unshare(conversation: Owned) -> dict[str, str]:
        await parts.links.end(conversation)
        return {"status": "not shared"}
