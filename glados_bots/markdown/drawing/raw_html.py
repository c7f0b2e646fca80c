"""Converts raw HTML for chats: the few tags that mean a style become spans; of all others only the text remains."""

import re
from collections import Counter
from dataclasses import replace
from html import unescape

from glados_bots.markdown.pairs import TOKEN, image, link
from glados_bots.markdown.tags import is_html, tag_name
from glados_bots.markdown.tree import Code, Run, Span, SpanKind

_MEANINGS: dict[str, str] = {
    **dict.fromkeys("b strong summary th h1 h2 h3 h4 h5 h6".split(), "strong"),
    **dict.fromkeys(("i", "em"), "em"),
    **dict.fromkeys(("s", "del", "strike"), "strike"),
    **dict.fromkeys("code kbd samp tt pre".split(), "code"),
    **dict.fromkeys("script style template noscript title".split(), "hidden"),
    "a": "link",
}
_SPANS: dict[str, SpanKind] = {"strong": "strong", "em": "em", "strike": "strike", "link": "link"}
_LINES = frozenset(
    "address article aside blockquote dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6"
    " header hr li main nav ol p pre section summary table tr ul".split()
)
_PRE = re.compile(r"<pre(?=[\s>])[^<>]*+>", re.IGNORECASE)
_PRE_END = re.compile(r"</pre\s*>", re.IGNORECASE)
_LANGUAGE = re.compile(r"\blang(?:uage)?-([\w+#.-]+)")
_SPACE = re.compile(r"\s+")


def block_parts(html: str) -> list[str | Code]:
    """Split a block of raw HTML into prose and code, in order. Code is preformatted: its white space matters."""
    parts: list[str | Code] = []
    position = 0
    while (begin := _PRE.search(html, position)) and (end := _PRE_END.search(html, begin.end())):
        parts += [html[position : begin.start()], _preformatted(begin[0], html[begin.end() : end.start()])]
        position = end.end()
    return [*parts, html[position:]]


def _preformatted(tag: str, content: str) -> Code:
    inner = TOKEN.match(content.lstrip())
    language = _LANGUAGE.search(tag + (inner[0] if inner else ""))
    text = unescape(TOKEN.sub(_without_tag, content))
    return Code(language[1] if language else "", text.removeprefix("\n").rstrip())


def _without_tag(match: re.Match[str]) -> str:
    if not is_html(match[0]):
        return match[0]
    return "\n" if tag_name(match[0]) == "br" else ""


def block_runs(html: str) -> list[Run]:
    """A block of raw HTML as runs of prose; block tags begin a new line."""
    runs: list[Run] = []
    position = 0
    for match in TOKEN.finditer(html):
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
    """The runs without any of kind `html`. Text that only looks like a tag (`Vec<String>`) stays."""
    reader = _Reader()
    for run in runs:
        reader.read(run)
    return reader.plain


class _Reader:
    """Reads runs in order; `plain` holds the result without tags."""

    def __init__(self) -> None:
        self.plain: list[Run] = []
        self._names: Counter[str] = Counter()
        self._meanings: Counter[str] = Counter()
        self._spans: dict[str, Span] = {}

    def read(self, run: Run) -> None:
        if run.kind != "html" or not is_html(run.text):
            if not self._meanings["hidden"]:
                self.plain.append(self._styled(run))
            return
        name = tag_name(run.text)
        if name == "br":
            self.plain.append(Run("hard", "\n", run.spans))
        elif name == "img":
            self.plain.append(image(run.text, run.spans))
        elif run.text.startswith("</"):
            self._close(name)
        elif name in _MEANINGS and not run.text.endswith("/>"):
            self._begin(name, run.text)

    def _styled(self, run: Run) -> Run:
        is_code = run.kind == "text" and self._meanings["code"]
        kind = "code" if is_code else "text" if run.kind == "html" else run.kind
        return replace(run, kind=kind, spans=(*run.spans, *self._spans.values()))

    def _begin(self, name: str, tag: str) -> None:
        """Open an element. Inside an element with the same meaning, it changes nothing."""
        meaning = _MEANINGS[name]
        self._names[name] += 1
        self._meanings[meaning] += 1
        if self._meanings[meaning] == 1 and meaning in _SPANS:
            self._spans[meaning] = link(tag) if meaning == "link" else Span(_SPANS[meaning])

    def _close(self, name: str) -> None:
        if not self._names[name]:
            return
        meaning = _MEANINGS[name]
        self._names[name] -= 1
        self._meanings[meaning] -= 1
        if not self._meanings[meaning]:
            self._spans.pop(meaning, None)


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
