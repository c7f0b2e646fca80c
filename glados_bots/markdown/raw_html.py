"""Raw HTML for chats: the few tags that mean a style become one, all others go and leave their text."""

import re
from dataclasses import replace
from html import unescape

from glados_bots.markdown.tags import is_html, tag_name
from glados_bots.markdown.tree import Image, Run, Span, SpanKind

_STYLES: dict[str, SpanKind] = {
    "b": "strong",
    "strong": "strong",
    "summary": "strong",
    "th": "strong",
    "h1": "strong",
    "h2": "strong",
    "h3": "strong",
    "h4": "strong",
    "h5": "strong",
    "h6": "strong",
    "i": "em",
    "em": "em",
    "s": "strike",
    "del": "strike",
    "strike": "strike",
}
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_HIDDEN = frozenset({"script", "style", "template", "noscript", "title"})
_OPENING = _CODE | _HIDDEN | _STYLES.keys() | {"a"}
_LINES = frozenset(
    "address article aside blockquote dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6"
    " header hr li main nav ol p pre section summary table tr ul".split()
)
# A tag ends before the next `<`, in quotes too: no part of an endless one is looked at twice.
_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)|</?[A-Za-z](?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*+>|<[!?][^<>]*+>", re.DOTALL
)
_ATTRIBUTE = re.compile(r"\s([A-Za-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_SPACE = re.compile(r"\s+")


def block_runs(html: str) -> list[Run]:
    """Read a block of raw HTML as prose; block tags begin a new line."""
    runs: list[Run] = []
    position = 0
    for match in _TOKEN.finditer(html):
        _add_text(runs, html[position : match.start()])
        position = match.end()
        runs.append(Run("html", match[0]))
        name = tag_name(match[0])
        if name in _LINES:
            runs.append(Run("hard", "\n"))
        if name == "li" and not match[0].startswith("</"):
            runs.append(Run("text", "• "))
        elif name in {"td", "th"}:
            runs.append(Run("text", " "))
    _add_text(runs, html[position:])
    return _without_double_breaks(plain_runs(runs))


def plain_runs(runs: list[Run]) -> list[Run]:
    """Resolve the tags among inline runs.

    Args:
        runs: some of kind `html`.

    Returns:
        Runs without any of that kind. What only looks like a tag (`Vec<String>`) is text.
    """
    plain: list[Run] = []
    stack: list[tuple[str, Span | None]] = []
    for run in runs:
        if run.kind != "html" or not is_html(run.text):
            if not any(name in _HIDDEN for name, _ in stack):
                plain.append(_styled(run, stack))
            continue
        name = tag_name(run.text)
        if name == "br":
            plain.append(Run("hard", "\n", run.spans))
        elif name == "img":
            attributes = _attributes(run.text)
            plain.append(Image("image", attributes.get("alt", ""), run.spans, attributes.get("src", "")))
        elif run.text.startswith("</"):
            _close(stack, name)
        elif name in _OPENING and not run.text.endswith("/>"):
            stack.append((name, _span(name, run.text)))
    return plain


def _styled(run: Run, stack: list[tuple[str, Span | None]]) -> Run:
    is_code = run.kind == "text" and any(name in _CODE for name, _ in stack)
    kind = "code" if is_code else "text" if run.kind == "html" else run.kind
    spans = tuple(span for _, span in stack if span is not None)
    return replace(run, kind=kind, spans=(*run.spans, *spans))


def _close(stack: list[tuple[str, Span | None]], name: str) -> None:
    for index in range(len(stack) - 1, -1, -1):
        if stack[index][0] == name:
            del stack[index]
            return


def _span(name: str, tag: str) -> Span | None:
    if name == "a":
        return Span("link", _attributes(tag).get("href", ""))
    return Span(_STYLES[name]) if name in _STYLES else None


def _attributes(tag: str) -> dict[str, str]:
    return {match[1].lower(): unescape(match[2] or match[3] or match[4] or "") for match in _ATTRIBUTE.finditer(tag)}


def _add_text(runs: list[Run], text: str) -> None:
    plain = _SPACE.sub(" ", unescape(text))
    if plain and not (plain == " " and (not runs or runs[-1].kind == "hard")):
        runs.append(Run("text", plain))


def _without_double_breaks(runs: list[Run]) -> list[Run]:
    kept: list[Run] = []
    for run in runs:
        if run.kind == "text" and not run.text.strip() and (not kept or kept[-1].kind == "hard"):
            continue
        if run.kind != "hard" or (kept and kept[-1].kind != "hard"):
            kept.append(run)
    return kept
