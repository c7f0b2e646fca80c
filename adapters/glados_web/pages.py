"""The page's templates, and the language that they are filled in for."""

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
# Sentences that the scripts show: each stands in the page with its fields, which the script fills in.
SCRIPTS_SAY = (
    "page-answer", "page-chat-gone", "page-code", "page-copied", "page-copy", "page-copy-refused", "page-delete-chat",
    "page-done", "page-forget-chat", "page-lost", "page-plain", "page-rendered", "page-retry", "button-redo",
    "page-server-status", "page-signed-out-reload", "page-table", "page-to-do", "page-too-long", "page-unreachable",
)  # fmt: skip


def language_of(request: HTTPConnection, otherwise: str = "") -> str:
    """The language of a browser; `otherwise` where it tells none that we have."""
    return accepted(request.headers.get("accept-language", ""), otherwise or request.app.state.language)


def language_headers(language: str) -> dict[str, str]:
    """What a response says of its language, so that no cache gives it to who reads another one (RFC 9110, 12.5.5)."""
    return {"Content-Language": language, "Vary": "Accept-Language"}


def show(request: HTTPConnection, name: str, status: int = 200, **values: object) -> HTMLResponse:
    """A template, filled in for the browser. Whatever is put in is escaped, unless the template says otherwise.

    A template writes `say("page-skip")` or `say(sentence)`, and `said(value)` for anything that a sentence may hold.
    """
    return rendered(name, language_of(request), status, **values)


def rendered(name: str, language: str, status: int = 200, **values: object) -> HTMLResponse:
    """As `show`, in a language that is known; it may be called in another thread."""
    spoken = {"language": language, "say": partial(_say, language), "said": partial(_said, language),
              "words": partial(_words, language)}  # fmt: skip
    html = _templates.get_template(f"{name}.html").render(values, **spoken)
    return HTMLResponse(html, status, language_headers(language))


def _say(language: str, what: str | Sentence, /, **values: Value) -> str:
    return (what if isinstance(what, Sentence) else say(what, **values)).in_language(language)


def _said(language: str, value: Value) -> str:
    return shown(value, language)


def _words(language: str) -> str:
    """JSON for a script element; no character in it can end the element."""
    found = {name: template(name, language) for name in SCRIPTS_SAY}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
