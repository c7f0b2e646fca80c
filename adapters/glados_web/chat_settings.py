"""The model and the persona of a chat, which its owner chooses in the page's menu.

A chat belongs to one person. So nobody else can choose for it, as in a direct message on Discord or Slack.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response

from glados_bots.commands import why
from glados_bots.errors import GladosError, InferenceError, StoreUnavailableError
from glados_bots.store.channels import LONGEST_PERSONA
from glados_bots.wire.model_list import ModelInfo
from glados_bots.wording.sentence import Sentence, say
from glados_web.door.protection import require_own_page
from glados_web.pages import language_of
from glados_web.parts import NO_CHAT, WebParts
from glados_web.question import read_fields

LONGEST_MODEL = 500  # characters, as GLADOS_INFERENCE_MODEL
OWN_PAGE = [Depends(require_own_page)]
Choose = Callable[[str, str], Awaitable[Sentence]]
Route = Callable[[str, Request, Response], Awaitable[dict[str, str]]]


def add_chat_settings(app: FastAPI, parts: WebParts) -> None:
    commands = parts.core.commands

    Usable = Annotated[str, Depends(parts.usable)]  # noqa: N806 - a type

    @app.get("/c/{conversation}/settings")
    async def settings(conversation: Usable, request: Request) -> dict[str, Any]:
        """What is chosen, and from which models."""
        chosen = await parts.core.book.get(conversation)
        try:
            models = [_described(model) for model in await parts.core.client.models()]
            problem = ""
        except InferenceError as error:
            models, problem = [], why(error).in_language(language_of(request))
        return {"models": models, "model": chosen.model, "persona": chosen.persona, "problem": problem}

    for field, longest, choose in (
        ("model", LONGEST_MODEL, commands.set_model),
        ("persona", LONGEST_PERSONA, commands.set_persona),
    ):
        app.post(f"/c/{{conversation}}/{field}", dependencies=OWN_PAGE)(_choosing(parts, field, longest, choose))


def _choosing(parts: WebParts, field: str, longest: int, choose: Choose) -> Route:
    """A route that chooses for a chat, which begins now if it is new."""
    form = f'{{"{field}": "..."}}'

    Usable = Annotated[str, Depends(parts.usable)]  # noqa: N806 - a type

    async def route(conversation: Usable, request: Request, response: Response) -> dict[str, str]:
        (value,) = await read_fields(request, longest, form, field)
        if not isinstance(value, str):
            raise HTTPException(400, say("page-not-json", form=form))
        await begun(parts, conversation, request, response)
        try:
            told = await choose(conversation, value.encode("utf-8", "replace").decode())
        except StoreUnavailableError:
            raise
        except GladosError as error:
            raise HTTPException(502 if isinstance(error, InferenceError) else 400, why(error)) from error
        await parts.core.book.keep(conversation, parts.store.ttl)
        return {"told": told.in_language(language_of(request))}

    return route


async def begun(parts: WebParts, conversation: str, request: Request, response: Response) -> None:
    """Let a visitor choose something for a chat that may have no question yet. Raises HTTPException (403, 404)."""
    session = await parts.visitor(request)
    is_new = not await parts.chats.owns(session, conversation)
    if not await parts.chats.claim(session, conversation, ""):
        raise HTTPException(404, NO_CHAT)
    if is_new:
        await parts.chats.untitle(conversation)  # its first question becomes the title
    parts.door.give_cookie(session, request, response)


def _described(model: ModelInfo) -> dict[str, Any]:
    return {"name": model.id, "sees": bool(model.sees)}
