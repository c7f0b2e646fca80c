"""Fills in the page's templates, in the language of the browser."""

import json
from functools import partial
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from starlette.requests import HTTPConnection

from glados_bots.wording.catalogue import template
from glados_bots.wording.languages import accepted
from glados_bots.wording.sentence import Sentence, Value, say
from glados_bots.wording.writing import shown

_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
# Sentences that the scripts show. The page holds each one with its fields, and the script fills those in.
SCRIPTS_SAY = (
    "page-answer", "page-chat-gone", "page-code", "page-copied", "page-copy", "page-copy-refused", "page-delete-chat",
    "page-done", "page-forget-chat", "page-lost", "page-plain", "page-rendered", "page-retry", "button-redo",
    "page-file-too-large", "page-file-unreadable", "page-files-off", "page-files-too-large", "page-files-too-many",
    "page-remove-file", "page-default-model", "page-model-sees", "page-search-away", "page-server-status",
    "page-share-once", "page-signed-out-reload", "page-table", "page-to-do", "page-too-long", "page-unreachable",
    "page-unshared",
)  # fmt: skip


def language_of(request: HTTPConnection) -> str:
    """Return the browser's language. If we have none that it accepts, return the app's language."""
    return accepted(request.headers.get("accept-language", ""), request.app.state.language)


def language_headers(language: str) -> dict[str, str]:
    """Return headers that name the language, so that caches keep languages apart (RFC 9110, 12.5.5)."""
    return {"Content-Language": language, "Vary": "Accept-Language"}


def show(request: HTTPConnection, name: str, status: int = 200, **values: object) -> HTMLResponse:
    """Fill in a template for the browser. All values are escaped, unless the template says otherwise.

    A template writes `say("page-skip")` or `say(sentence)`, and `said(value)` for anything that a sentence may hold.
    """
    return rendered(name, language_of(request), status, **values)


def rendered(name: str, language: str, status: int = 200, **values: object) -> HTMLResponse:
    """Like `show`, but in a given language. Any thread may call it."""
    spoken = {"language": language, "say": partial(_say, language), "said": partial(shown, language=language),
              "words": partial(_words, language)}  # fmt: skip
    html = _templates.get_template(f"{name}.html").render(values, **spoken)
    return HTMLResponse(html, status, language_headers(language))


def _say(language: str, what: str | Sentence, /, **values: Value) -> str:
    return (what if isinstance(what, Sentence) else say(what, **values)).in_language(language)


def _words(language: str) -> str:
    """JSON for a script element; no character in it can end the element."""
    found = {name: template(name, language) for name in SCRIPTS_SAY}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
