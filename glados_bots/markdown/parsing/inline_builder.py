"""Builds inline runs from the parser's events: text, the styles and links around it, and images."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from glados_bots.markdown.autolink import linked
from glados_bots.markdown.marks import has_marks, without_marks
from glados_bots.markdown.tree import Image, Run, Span, Spans

# Deeper nested quotes, lists and styles are ignored, but their content is kept.
MAX_DEPTH = 32


class InlineBuilder(ABC):
    """Builds the runs of one leaf after another."""

    def __init__(self, source: str, marks: Iterable[str]) -> None:
        self._marked = has_marks(source)
        self._runs: list[Run] | None = None
        self._spans: Spans = ()
        self._unread_spans = 0
        self._links = 0
        self._images: list[tuple[list[Run] | None, dict[str, str], Spans]] = []
        self._code: list[str] | None = None
        self._marks: dict[str, None] = dict.fromkeys(marks)
        self._tagged: list[list[Run]] = []

    @abstractmethod
    def _open_paragraph(self, *, tight: bool) -> list[Run]:
        """Begin a paragraph for inline content that comes without one."""

    def _clean(self, text: str) -> str:
        return without_marks(text, verbatim=True) if self._marked else text

    def _add(self, kind: Any, text: str) -> None:
        if self._marked:
            text = without_marks(text, verbatim=kind == "code").strip(" " if kind == "math" else "")
        runs = self._runs
        if runs is None:
            runs = self._open_paragraph(tight=True)
        runs.append(Run(kind, text, self._spans))

    def _add_break(self, event: str) -> None:
        self._add("soft" if event == "SoftBreak" else "hard", "\n")

    def _on_text(self, text: str) -> None:
        if self._marked:
            text = without_marks(text, verbatim=self._code is not None)
        runs = self._runs
        if runs is None:
            if self._code is not None:
                self._code.append(text)
                return
            runs = self._open_paragraph(tight=True)
        if self._links or not ("://" in text or "@" in text or "www." in text):
            runs.append(Run("text", text, self._spans))
        else:
            runs.extend(linked(text, self._spans))

    def _on_inline_html(self, html: str) -> None:
        self._add("html", html)
        if self._runs is not None and not (self._tagged and self._tagged[-1] is self._runs):
            self._tagged.append(self._runs)

    def _on_mark(self, label: str) -> None:
        self._marks.setdefault(label)
        self._add("note", label)

    def _open_span(self, span: Span) -> None:
        if len(self._spans) >= MAX_DEPTH:
            self._unread_spans += 1
        else:
            self._spans = (*self._spans, span) if self._spans else (span,)

    def _close_span(self) -> None:
        if self._unread_spans:
            self._unread_spans -= 1
        else:
            self._spans = self._spans[:-1]

    def _start_link(self, data: dict[str, str]) -> None:
        kind = data["link_type"]
        url = self._clean(data["dest_url"])
        if kind == "Email" and not url.startswith("mailto:"):
            url = "mailto:" + url
        span = Span("link", url, self._clean(data["title"]), bare=kind in {"Autolink", "Email"})
        self._spans = (*self._spans, span)  # at any depth: its address is content
        self._links += 1

    def _end_link(self) -> None:
        self._links -= 1
        span = self._spans[-1]
        runs = self._runs
        if runs is not None and not (runs and span in runs[-1].spans):
            runs.append(Run("text", span.title, self._spans))  # an empty link keeps its place
        self._spans = self._spans[:-1]

    def _start_image(self, data: dict[str, str]) -> None:
        self._images.append((self._runs, data, self._spans))
        self._runs = []
        self._links += 1

    def _end_image(self) -> None:
        self._links -= 1
        inner = self._runs or []
        self._runs, data, self._spans = self._images.pop()
        if self._runs is None:
            self._open_paragraph(tight=True)
        alt = "".join(" " if run.kind in {"soft", "hard"} else run.text for run in inner if run.kind != "html")
        url, title = (self._clean(data[key]) for key in ("dest_url", "title"))
        if self._runs is not None:
            self._runs.append(Image("image", alt, self._spans, url, title))

    # Parts of the tables in Builder, which reads the events.
    ON: ClassVar[dict[str, Callable[[Any, Any], None]]] = {
        "Text": _on_text,
        "Code": lambda self, text: self._add("code", text),
        "InlineMath": lambda self, latex: self._add("math", latex),
        "DisplayMath": lambda self, latex: self._add("display", latex.strip()),
        "InlineHtml": _on_inline_html,
        "FootnoteReference": _on_mark,
    }
    START: ClassVar[dict[str, Callable[[Any, Any], None]]] = {
        "Link": _start_link,
        "Image": _start_image,
        "Emphasis": lambda self, _: self._open_span(Span("em")),
        "Strong": lambda self, _: self._open_span(Span("strong")),
        "Strikethrough": lambda self, _: self._open_span(Span("strike")),
    }
    END: ClassVar[dict[str, Callable[[Any], None]]] = {
        "Link": _end_link,
        "Emphasis": _close_span,
        "Strong": _close_span,
        "Strikethrough": _close_span,
        "Image": _end_image,
    }
