"""What people do with a turn that has ended: vote on its answer, edit its question, look at its pictures."""

import base64
from typing import Annotated, cast

from fastapi import Depends, FastAPI, HTTPException, Request, Response

from glados_bots.attachments.contents import Contents
from glados_bots.conversation import Turn
from glados_bots.store.records import Vote
from glados_bots.store.store import Edited
from glados_bots.wording.sentence import say
from glados_web.door.protection import require_own_page
from glados_web.parts import WebParts
from glados_web.question import checked_text, read_fields

OWN_PAGE = [Depends(require_own_page)]
VOTES = ("up", "down", "")
PICTURES = ("image/jpeg", "image/png")


def add_turn_actions(app: FastAPI, parts: WebParts) -> None:
    Owned = Annotated[str, Depends(parts.owned)]  # noqa: N806 - a type
    longest = parts.settings.message_max_chars

    @app.post("/c/{conversation}/turns/{turn}/vote", dependencies=OWN_PAGE)
    async def vote(conversation: Owned, turn: str, request: Request) -> dict[str, str]:
        """Store a vote: `up`, `down`, or empty to withdraw it."""
        (chosen,) = await read_fields(request, len("down"), '{"vote": "up"}', "vote")
        if chosen not in VOTES:
            raise HTTPException(400, say("page-not-json", form='{"vote": "up"}'))
        found = await turn_of(parts, conversation, turn)
        if not await parts.core.records.vote(found.id, found.author, cast("Vote", chosen)):
            raise HTTPException(409, say("no-vote-yet"))
        return {"vote": chosen}

    @app.post("/c/{conversation}/turns/{turn}/edit", dependencies=OWN_PAGE)
    async def edit(conversation: Owned, turn: str, request: Request) -> dict[str, str]:
        """Answer the question again, with other words and the same files."""
        (text,) = await read_fields(request, longest, '{"text": "..."}', "text")
        found = await turn_of(parts, conversation, turn)
        edited = Edited(checked_text(text, longest, may_be_empty=bool(found.attachments)), found.attachments)
        if edited.text == found.text:
            return {"status": "unchanged", "text": edited.text}
        await answer_anew(parts, found, edited)
        return {"status": "queued", "text": edited.text}

    @app.get("/c/{conversation}/turns/{turn}/pictures/{file}")
    async def picture(conversation: Owned, turn: str, file: str) -> Response:
        """The first picture that was read of a file."""
        found = (await parts.store.contents((await turn_of(parts, conversation, turn)).id)).get(file)
        pictures = Contents.from_json(found).pictures if found else ()
        if not pictures or pictures[0].kind not in PICTURES:
            raise HTTPException(404, say("file-gone"))
        content = base64.b64decode(pictures[0].data)
        return Response(content, media_type=pictures[0].kind, headers={"Content-Security-Policy": "sandbox"})


async def answer_anew(parts: WebParts, turn: Turn, edited: Edited | None = None) -> None:
    """Answer a question again. Raises HTTPException (429) if a limit refuses it; then its answer stays."""
    await parts.surface.forget(turn.conversation, turn.id)
    verdict = await parts.core.intake.redo(turn.id, turn.author, edited)
    if verdict and verdict.status == "refused":
        raise HTTPException(429, verdict.refusal)
    await parts.surface.tell(turn.conversation)


async def turn_of(parts: WebParts, conversation: str, turn: str) -> Turn:
    """A turn of this conversation. Raises HTTPException (404) if there is none."""
    found = await parts.store.turn(turn)
    if found is None or found.conversation != conversation:
        raise HTTPException(404, say("page-no-question"))
    return found
