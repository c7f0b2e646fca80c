"""Writes inline runs as lines of text, for dialects that mark styles with characters around the words.

Every line closes all styles that it opened. On their inside, markers always touch a visible character. A marker is
written only where the dialect will read it as one.
"""

import re
from abc import ABC, abstractmethod

from glados_bots.markdown.links import safe_url, shown_host
from glados_bots.markdown.tree import Run, Span, SpanKind, Spans

# Invisible; the dialects treat it as a boundary between words.
ZERO_WIDTH_SPACE = "\u200b"

_FENCE = re.compile("``(?=`)")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+\-.#]+")

Styles = tuple[SpanKind, ...]


class InlineDialect(ABC):
    """How a text dialect writes inline content."""

    marks: dict[SpanKind, str]  # the marker that opens and closes each style
    padding: str  # an invisible character, added to a single character between markers

    @abstractmethod
    def escape(self, text: str) -> str:
        """Write text so that no part of it is read as markup or as a mention."""

    @abstractmethod
    def guard(self, line: str) -> str:
        """Escape the beginning of a line that would otherwise be a heading, item or quote."""

    @abstractmethod
    def code(self, text: str) -> str: ...

    @abstractmethod
    def link(self, label: list[Run], url: str, *, is_bare: bool) -> str:
        """Write a link. `label` does not contain the link's span, `url` is safe; a bare link is its own label."""

    @abstractmethod
    def is_hard_to_style(self, code: str, kind: SpanKind) -> bool:
        """Whether this style's markers around this code or address would be misread."""

    @abstractmethod
    def needs_boundary(self, before: str, after: str) -> bool:
        """Whether these two characters, of which one is a marker, need a zero-width space between them."""


def write_lines(dialect: InlineDialect, runs: list[Run]) -> list[str]:
    """Write text, code and breaks as one or more lines, each of which stands alone."""
    if len(runs) == 1 and runs[0].kind == "text" and not runs[0].spans:
        return [dialect.guard(dialect.escape(runs[0].text.strip()))]
    return LineWriter(dialect).lines(runs)


class LineWriter:
    """Writes one paragraph; see `write_lines`."""

    __slots__ = ("_dialect", "_has_closed", "_lines", "_open", "_opened_at", "_out", "_space")

    def __init__(self, dialect: InlineDialect) -> None:
        self._dialect = dialect
        self._lines: list[str] = []
        self._out: list[str] = []
        self._open: list[SpanKind] = []
        self._opened_at: list[int] = []
        self._space = ""
        self._has_closed = False

    def lines(self, runs: list[Run]) -> list[str]:
        index, count = 0, len(runs)
        while index < count:
            run = runs[index]
            spans = run.spans
            if spans and (link := _link(run)) is not None:
                end = index + 1
                while end < count and _link(runs[end]) is link:
                    end += 1
                self._link(runs[index:end], link)
                index = end
                continue
            if run.kind == "text":
                if spans or self._open or self._has_closed:
                    self._text(run.text, _kinds(spans) if spans else ())
                else:
                    self._plain_text(run.text)
            elif run.kind == "code":
                self._atom(self._dialect.code(run.text), self._possible(_kinds(spans), run.text) if spans else ())
            else:
                self._break()
            index += 1
        self._break()
        return self._lines

    def _possible(self, styles: Styles, code: str) -> Styles:
        return tuple(kind for kind in styles if not self._dialect.is_hard_to_style(code, kind))

    def _plain_text(self, text: str) -> None:
        """Like `_text`, but faster, for text where no style is open, begins or ends: most text."""
        body = text.strip()
        if not body:
            self._space = self._space or text[:1]
            return
        out, body = self._out, self._dialect.escape(body)
        if not out:
            body = self._dialect.guard(body)
        elif self._space or text[0].isspace():
            out.append(" ")
        out.append(body)
        self._space = " " if text[-1].isspace() else ""

    def _text(self, text: str, styles: Styles) -> None:
        body = text.strip()
        if not body:
            self._space = self._space or text[:1]
            return
        is_trimmed = len(body) != len(text)
        if is_trimmed and text[0].isspace():
            self._space = " "
        body = self._dialect.escape(body)
        if not self._out and not styles:
            body = self._dialect.guard(body)
        self._atom(body, styles)
        if is_trimmed and text[-1].isspace():
            self._space = " "

    def _atom(self, body: str, styles: Styles) -> None:
        """Write visible text; close and open styles before it."""
        if not body:
            return
        if styles or self._open or self._has_closed:
            self._switch(styles, body)
        elif self._space and self._out:
            self._out.append(" ")
        self._space = ""
        self._out.append(body)

    def _switch(self, styles: Styles, body: str) -> None:
        """Close the styles that end, then write white space, then open the styles that begin."""
        opened, keep = self._open, 0
        if opened:
            while keep < len(styles) and keep < len(opened) and styles[keep] == opened[keep]:
                keep += 1
            self._close(keep)
        marks = self._dialect.marks
        opening = "".join([marks[kind] for kind in styles[keep:]]) if styles else ""
        if self._out:
            if self._space:
                self._out.append(" ")
            elif opening or self._has_closed:
                before, after = self._out[-1][-1:], (opening or body)[0]
                if self._dialect.needs_boundary(before, after):
                    self._out.append(ZERO_WIDTH_SPACE)
        for kind in styles[len(opened) :]:
            self._out.append(marks[kind])
            opened.append(kind)
            self._opened_at.append(len(self._out))
        self._has_closed = False

    def _close(self, keep: int) -> None:
        while len(self._open) > keep:
            content = self._out[self._opened_at.pop() :]
            if len(content) == 1 == len(content[0]):
                self._out.append(self._dialect.padding)
            mark = self._dialect.marks[self._open.pop()]
            if mark[0] == "~" == content[-1][-1:]:  # scanners ignore the escape there, and would close too early
                self._out.append(ZERO_WIDTH_SPACE)
            self._out.append(mark)
            self._has_closed = True

    def _break(self) -> None:
        self._close(0)
        self._lines.append("".join(self._out))
        self._out = []
        self._space = ""
        self._has_closed = False

    def _link(self, runs: list[Run], span: Span) -> None:
        """Write a link with its label, or only the label if the address must not be a link."""
        url = safe_url(span.url)
        first = runs[0]
        shown = first.text if len(runs) == 1 else "".join([run.text for run in runs])
        if url is None:
            for run in runs:
                styles = _kinds(run.spans)
                if run.kind == "code":
                    self._atom(self._dialect.code(run.text), styles)
                else:
                    self._text(" " if run.kind in {"soft", "hard"} else run.text, styles)
            return
        if len(runs) == 1 and len(first.spans) == 1:
            outer: Styles = ()
            inner = [Run(first.kind, first.text)]
        else:
            position = min([run.spans.index(span) for run in runs])
            outer = self._possible(_kinds(first.spans[:position]), url)
            inner = [Run(run.kind, run.text, _inside(run.spans[position:], outer)) for run in runs]
        if host := shown_host(span, runs, url):
            inner.append(Run("text", host))
        if shown[:1].isspace():
            self._space = " "
        self._atom(self._dialect.link(inner, url, is_bare=span.bare), outer)
        if shown[-1:].isspace():
            self._space = " "


def _inside(spans: Spans, outer: Styles) -> Spans:
    """The styles inside a link, without those that are already around it."""
    return tuple([span for span in spans if span.kind != "link" and span.kind not in outer])


def without_fences(code: str) -> str:
    """Break fences inside code, with an invisible character after every second back-tick."""
    return _FENCE.sub(f"``{ZERO_WIDTH_SPACE}", code) if "```" in code else code


def code_language(word: str) -> str:
    """The word if it is a valid language name after a fence, else empty."""
    return word if _LANGUAGE.fullmatch(word) else ""


def _link(run: Run) -> Span | None:
    for span in run.spans:
        if span.kind == "link":
            return span
    return None


def _kinds(spans: Spans) -> Styles:
    if len(spans) == 1 and spans[0].kind != "link":
        return (spans[0].kind,)
    return tuple(dict.fromkeys(span.kind for span in spans if span.kind != "link"))
