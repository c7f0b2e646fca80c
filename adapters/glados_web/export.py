"""A chat or an answer as a Markdown file for its owner, every word unchanged; long code and tables as files, too."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Request, Response

from glados_bots.conversation import Exchange
from glados_bots.markdown import open_fence
from glados_bots.wording.sentence import say
from glados_web.answers.files import files_of
from glados_web.answers.off_loop import off_loop
from glados_web.answers.stream import final_view
from glados_web.chats import shorten
from glados_web.pages import language_headers, language_of
from glados_web.parts import WebParts

LONGEST_NAME = 60  # characters of a file's name; file systems take 255 bytes


def add_export(app: FastAPI, parts: WebParts) -> None:
    Owned = Annotated[str, Depends(parts.owned)]  # noqa: N806 - a type

    @app.get("/c/{conversation}/chat.md")
    async def chat(conversation: Owned, request: Request) -> Response:
        history, language = await parts.store.history(conversation), language_of(request)
        title = title_of(history[0]) if history else say("page-empty-chat").in_language(language)
        return _file(title, await off_loop(written, title, history, datetime.now(UTC), language), language)

    @app.get("/c/{conversation}/turns/{turn}/answer.md")
    async def answer(conversation: Owned, turn: str, request: Request) -> Response:
        found = await _answered(parts, conversation, turn)
        return _file(title_of(found), found.answer, language_of(request))

    _add_files(app, parts)


def _add_files(app: FastAPI, parts: WebParts) -> None:
    Owned = Annotated[str, Depends(parts.owned)]  # noqa: N806 - a type

    @app.get("/c/{conversation}/turns/{turn}/files/{name}")
    async def file(conversation: Owned, turn: str, name: str) -> Response:
        exchange = await _answered(parts, conversation, turn)
        found = [each for each in await off_loop(files_of, exchange.answer) if each.name == name]
        if not found:
            raise HTTPException(404, say("page-no-file"))
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}  # safe: see glados_bots/files_out/names.py
        return Response(found[0].content, media_type="application/octet-stream", headers=headers)


async def _answered(parts: WebParts, conversation: str, turn: str) -> Exchange:
    """Return a turn with an answer. Raises HTTPException (404) if the chat has none of that name."""
    for exchange in await parts.store.history(conversation):
        if exchange.turn == turn and exchange.outcome != "failed":
            return exchange
    raise HTTPException(404, say("page-no-answer"))


def title_of(exchange: Exchange) -> str:
    """The question as one line, or the name of the first file that was sent without words."""
    names = [each.name for each in exchange.attachments]
    return shorten(exchange.question) or shorten(next(iter(names), ""))


def written(title: str, history: Sequence[Exchange], now: datetime, language: str) -> str:
    """Write a chat as Markdown, with our own words in the reader's language."""
    parts = [f"# {title}", f"*{say('export-made', at=now).in_language(language)}*"]
    for exchange in history:
        parts += _exchange(exchange, language)
    return "\n\n".join(parts) + "\n"


def _exchange(exchange: Exchange, language: str) -> list[str]:
    at = datetime.fromtimestamp(exchange.at, UTC)
    question, answer = say("page-question").in_language(language), say("page-answer").in_language(language)
    when = say("export-when", what=answer, at=at).in_language(language) if exchange.at else answer
    parts = [f"## {question}", *([_closed(exchange.question)] if exchange.question else [])]
    if exchange.attachments:
        names = tuple(_one_line(each.name) for each in exchange.attachments)
        parts.append(f"*{say('export-attached', names=names).in_language(language)}*")
    parts += [f"## {when}" + (f" · {_one_line(exchange.model)}" if exchange.model else ""), _closed(exchange.answer)]
    notice = final_view(exchange, language)["notice"]
    return [*parts, f"*{notice}*"] if notice else parts


def _closed(text: str) -> str:
    """Return the text as it is. A fence that stays open would swallow the rest of the file, so a line closes it."""
    fence = open_fence(text)
    return f"{text}\n{fence['fence']}" if fence else text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _file(title: str, text: str, language: str) -> Response:
    headers = {"Content-Disposition": disposition(title), **language_headers(language)}
    return Response(text.encode("utf-8", "replace"), media_type="text/markdown; charset=utf-8", headers=headers)


def disposition(title: str) -> str:
    """Return the header that names a download after a title (RFC 6266): letters and digits only, no path, no control.

    `GLaDOS` before the title keeps it from a name that Windows reserves, such as `con`, and from a dot at the start.
    """
    name = unicodedata.normalize("NFC", title)
    words = "".join(each if each.isalnum() or unicodedata.category(each)[0] == "M" else " " for each in name).split()
    stem = "-".join(["GLaDOS", *words])[:LONGEST_NAME].rstrip("-")
    return f"attachment; filename=\"GLaDOS.md\"; filename*=UTF-8''{quote(f'{stem}.md', safe='')}"
