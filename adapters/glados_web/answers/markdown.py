"""Answers as HTML for the web page: GFM, highlighted by CSS classes, sanitised, without inline styles.

The unit is the top-level block. Each one is sanitised by itself, so the page can replace it without the others.
"""

from dataclasses import replace

from glados_bots.markdown import Document, Stream, parse
from glados_bots.markdown.tags import open_tags
from glados_bots.markdown.tree import Code, Html
from glados_web.answers.html_writer import HtmlWriter
from glados_web.answers.painter import Patience
from glados_web.answers.raw_html import allowed
from glados_web.answers.sanitize import sanitize

# Most characters of HTML in one chunk while raw HTML is open: each piece of a stream writes that chunk again.
MAX_GROUP = 20_000


def render(text: str, patience: Patience | None = None) -> str:
    """Render a whole answer as sanitised HTML; sanitising it again changes nothing.

    Several answers may share one `patience` for the colours of their code.
    """
    return "\n".join(_HtmlSink().chunks(parse(text), is_open=False, patience=patience)[1])


def stream() -> Stream[str]:
    """Follow an answer while the model writes it. Each chunk is the HTML of a top-level block."""
    return Stream(_HtmlSink)


class _HtmlSink:
    """Keeps finished blocks. It writes code that is still open without colours.

    Raw HTML such as `<details>` may hold blocks between its tags. Together they are one chunk.
    """

    def __init__(self) -> None:
        self._chunks: list[str] = []
        self._group: list[str] = []
        self._tags: list[str] = []
        self._room = MAX_GROUP

    def freeze(self, document: Document, patience: Patience | None = None) -> None:
        writer = HtmlWriter(document, patience or Patience())
        for block in document.blocks:
            writer.nesting.depth = len(self._tags)
            html = writer.block(block)
            if not isinstance(block, Html) and not self._group:
                self._chunks.append(html if isinstance(block, Code) else _sanitized(writer, html))
                continue
            if isinstance(block, Html):
                self._tags = open_tags(allowed(block.text, len(self._tags)), self._tags)
            self._gather(html)

    def _gather(self, html: str) -> None:
        """Add to the chunk of raw HTML. End the chunk when its tags are closed, or when it exceeds MAX_GROUP."""
        self._group.append(html)
        self._room -= len(html)
        if not self._tags or self._room < 0:
            self._chunks.append(sanitize("".join(self._group)))
            self._group, self._tags, self._room = [], [], MAX_GROUP

    def chunks(self, rest: Document, *, is_open: bool, patience: Patience | None = None) -> tuple[int, list[str]]:
        """Return the number of frozen chunks, and all chunks: the frozen ones, then those of `rest`."""
        patience = patience or Patience()
        other = _HtmlSink()
        other._group, other._tags, other._room = list(self._group), self._tags, self._room
        other.freeze(replace(rest, blocks=rest.blocks[:-1]), patience)
        writer = HtmlWriter(rest, None if is_open else patience)
        writer.nesting.depth = len(other._tags)
        if rest.blocks:
            other._group.append(writer.block(rest.blocks[-1]))
        html = [*self._chunks, *other._chunks]
        if other._group:
            html.append(sanitize("".join(other._group)))
        if rest.notes:
            html.append(sanitize(writer.notes(rest.notes)))
        return len(self._chunks), html


def _sanitized(writer: HtmlWriter, html: str) -> str:
    has_raw_html, writer.has_raw_html = writer.has_raw_html, False
    return sanitize(html, has_raw_html=has_raw_html)
