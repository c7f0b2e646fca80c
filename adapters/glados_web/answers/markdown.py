"""Answers as HTML for the web page: GFM, highlighted by CSS classes, sanitised, without inline styles.

The unit is the top-level block: each is sanitised on its own, so that the page may replace one without the others.
"""

import re
from dataclasses import replace
from html import escape

from glados_bots.markdown import Document, parse
from glados_bots.markdown.drawing.math import unicode_math
from glados_bots.markdown.streaming.stream import Stream
from glados_bots.markdown.tags import MAX_OPEN, open_tags, opens_element, tag_name
from glados_bots.markdown.tree import (
    Block,
    Code,
    Heading,
    Html,
    Image,
    Item,
    List,
    Note,
    Paragraph,
    Quote,
    Rule,
    Run,
    Span,
    Spans,
    Table,
)
from glados_web.answers.links import image_link, link_tags
from glados_web.answers.painter import Patience, plain
from glados_web.answers.raw_html import RAW_TEXT, allowed
from glados_web.answers.raw_links import with_links
from glados_web.answers.sanitize import sanitize

_LANGUAGE = re.compile(r"[\w.+#;/@*-]{1,40}\Z")
_TAGS = {"strong": "strong", "em": "em", "strike": "del"}
# Characters of HTML that one chunk may gather while raw HTML is open: it is written anew with each piece of a stream.
MAX_GROUP = 20_000


def render(text: str, patience: Patience | None = None) -> str:
    """Render a whole answer as sanitised HTML; sanitising it again changes nothing.

    `patience` is for the colours of code, where several answers share it.
    """
    return "\n".join(_HtmlSink().chunks(parse(text), is_open=False, patience=patience)[1])


def render_blocks(document: Document, *, is_open: bool = False) -> list[str]:
    """Render each top-level block.

    Args:
        document: the tree.
        is_open: the answer is still being written: the last block, if it is code, is not highlighted yet.

    Returns:
        One piece of HTML a block; the footnotes are the last piece, where there are any.
    """
    return _HtmlSink().chunks(document, is_open=is_open)[1]


def stream() -> Stream[str]:
    """Follow an answer while it is written; the chunks are the top-level blocks' HTML."""
    return Stream(_HtmlSink)


class _HtmlSink:
    """Keeps finished blocks; code that is still open is written without colours.

    Raw HTML may hold blocks between its opening and its closing tag (`<details>`): these are one chunk.
    """

    def __init__(self) -> None:
        self._chunks: list[str] = []
        self._group: list[str] = []
        self._tags: list[str] = []
        self._room = MAX_GROUP

    def freeze(self, document: Document, patience: Patience | None = None) -> None:
        writer = _Writer(document, patience or Patience())
        for block in document.blocks:
            writer.depth = len(self._tags)
            html = writer.block(block)
            if not isinstance(block, Html) and not self._group:
                self._chunks.append(html if isinstance(block, Code) else _sanitized(writer, html))
                continue
            if isinstance(block, Html):
                self._tags = open_tags(allowed(block.text, len(self._tags)), self._tags)
            self._gather(html)

    def _gather(self, html: str) -> None:
        """Add to what stands between raw HTML's tags; end it where they are closed, or where it gets too long."""
        self._group.append(html)
        self._room -= len(html)
        if not self._tags or self._room < 0:
            self._chunks.append(sanitize("".join(self._group)))
            self._group, self._tags, self._room = [], [], MAX_GROUP

    def chunks(self, rest: Document, *, is_open: bool, patience: Patience | None = None) -> tuple[int, list[str]]:
        """The blocks with `rest` behind what is frozen."""
        patience = patience or Patience()
        other = _HtmlSink()
        other._group, other._tags, other._room = list(self._group), self._tags, self._room
        other.freeze(replace(rest, blocks=rest.blocks[:-1]), patience)
        writer = _Writer(rest, None if is_open else patience)
        writer.depth = len(other._tags)
        if rest.blocks:
            other._group.append(writer.block(rest.blocks[-1]))
        html = [*self._chunks, *other._chunks]
        if other._group:
            html.append(sanitize("".join(other._group)))
        if rest.notes:
            html.append(sanitize(writer.notes(rest.notes)))
        return len(self._chunks), html


def _sanitized(writer: "_Writer", html: str) -> str:
    has_raw_html, writer.has_raw_html = writer.has_raw_html, False
    return sanitize(html, has_raw_html=has_raw_html)


class _Writer:
    """Writes blocks; everything that comes from the text passes `escape`, except for raw HTML.

    Without `patience` code may still grow, and is written without colours.

    Attributes:
        has_raw_html: raw HTML was written.
        depth: elements of raw HTML that are open.
    """

    def __init__(self, document: Document, patience: Patience | None) -> None:
        self.has_raw_html = False
        self.depth = 0
        self._document = document
        self._patience = patience

    def block(self, block: Block) -> str:  # noqa: PLR0911 - one return a kind of block
        match block:
            case Paragraph():
                return self._paragraph(block)
            case Heading():
                return f"<h{block.level}>{self.runs(block.runs, soft=' ')}</h{block.level}>"
            case Code():
                return self._code(block)
            case Quote():
                title = f'<p class="alert">{block.alert}</p>' if block.alert else ""
                return f"<blockquote>{title}{self.blocks(block.blocks)}</blockquote>"
            case List():
                return self._list(block)
            case Table():
                return self._table(block)
            case Rule():
                return "<hr>"
            case Html():
                self.has_raw_html = True
                return with_links(allowed(block.text, self.depth))

    def blocks(self, blocks: list[Block]) -> str:
        return "".join(self.block(block) for block in blocks)

    def notes(self, notes: list[Note]) -> str:
        items = "".join(f"<li>{self.blocks(note.blocks)}</li>" for note in notes)
        return f'<section class="notes"><ol>{items}</ol></section>'

    def runs(self, runs: list[Run], soft: str = "<br>\n") -> str:
        """Write inline content; `soft` is what a line break becomes."""
        if len(runs) == 1 and runs[0].kind == "text" and not runs[0].spans:
            return _literal(runs[0].text)
        pieces: list[str] = []
        open_spans: list[tuple[Span, str]] = []
        for index, run in enumerate(runs):
            spans, kind = run.spans, run.kind
            if spans or open_spans:
                depth = _shared(open_spans, spans) if open_spans else 0
                while len(open_spans) > depth:
                    pieces.append(open_spans.pop()[1])
                for span in spans[depth:]:
                    opening, closing = _span_tags(span, runs, index)
                    pieces.append(opening)
                    open_spans.append((span, closing))
            if kind == "text":
                pieces.append(_literal(run.text))
            else:
                pieces.append(soft if kind in {"soft", "hard"} else self._run(run))
        pieces += [closing for _, closing in reversed(open_spans)]
        return "".join(pieces)

    def _run(self, run: Run) -> str:
        if isinstance(run, Image):
            return _image(run)
        match run.kind:
            case "code":
                return f"<code>{_literal(run.text)}</code>"
            case "math" | "display":
                return _formula(run.text, run.kind)
            case "note":
                return f'<sup class="note">{self._document.number(run.text)}</sup>'
            case "html":
                return self._tag(run.text)
            case _:
                return escape(run.text)

    def _tag(self, html: str) -> str:
        self.has_raw_html = True
        name = tag_name(html)
        if name in RAW_TEXT:
            return escape(html)
        if html.startswith("</"):
            self.depth = max(0, self.depth - 1)
        elif opens_element(name):
            if self.depth >= MAX_OPEN:
                return escape(html)
            self.depth += 1
        return html

    def _paragraph(self, block: Paragraph) -> str:
        content = self.runs(block.runs)
        return content if block.tight else f"<p>{content}</p>"

    def _code(self, block: Code) -> str:
        language = block.language
        label = f' class="language-{escape(language)}"' if _LANGUAGE.match(language) else ""
        text = block.text + "\n" if block.text else ""
        content = self._patience.paint(text, language) if self._patience else plain(text)
        return f"<pre><code{label}>{content}</code></pre>"

    def _list(self, block: List) -> str:
        tag = "ul" if block.start is None else "ol"
        start = f' start="{block.start}"' if block.start not in {None, 1} else ""
        items: list[str] = []
        number = block.start
        for item in block.items:
            items.append(self._item(item, "" if item.number == number else f' value="{item.number}"'))
            number = None if item.number is None else item.number + 1
        return f"<{tag}{start}>{''.join(items)}</{tag}>"

    def _item(self, item: Item, value: str) -> str:
        box = ""
        if item.checked is not None:
            box = f'<input type="checkbox" disabled=""{" checked=" + chr(34) * 2 if item.checked else ""}> '
        content = self.blocks(item.blocks)
        if box and content.startswith("<p>"):
            return f"<li{value}><p>{box}{content[3:]}</li>"
        return f"<li{value}>{box}{content}</li>"

    def _table(self, block: Table) -> str:
        head, *body = block.rows
        html = f"<table><thead>{self._row(head, block.aligns, 'th')}</thead>"
        if body:
            html += f"<tbody>{''.join(self._row(row, block.aligns, 'td') for row in body)}</tbody>"
        return html + "</table>"

    def _row(self, cells: list[list[Run]], aligns: tuple[str, ...], tag: str) -> str:
        html = ""
        for cell, align in zip(cells, aligns, strict=False):
            side = "" if align == "None" else f' align="{align.lower()}"'
            html += f"<{tag}{side}>{self.runs(cell)}</{tag}>"
        return f"<tr>{html}</tr>"


def _literal(text: str) -> str:
    """As `html.escape` without quotes, at a third of its price: this is asked for most."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _shared(open_spans: list[tuple[Span, str]], spans: Spans) -> int:
    depth = 0
    for (opened, _), span in zip(open_spans, spans, strict=False):
        if opened is not span:
            break
        depth += 1
    return depth


def _span_tags(span: Span, runs: list[Run], first: int) -> tuple[str, str]:
    """What opens and closes a span that begins with the run number `first`."""
    if span.kind != "link":
        tag = _TAGS[span.kind]
        return f"<{tag}>", f"</{tag}>"
    end = first
    while end < len(runs) and span in runs[end].spans:
        end += 1
    label = runs[first:end]
    codes = [run.text for run in label if run.kind == "code"]
    text = "".join([run.text for run in label if run.kind != "html"])
    return link_tags(span.url, text, codes=codes, title=span.title, may_mislead=span.may_mislead)


def _image(run: Image) -> str:
    label = run.text or run.title
    is_linked = any(span.kind == "link" for span in run.spans)
    return escape(label) if is_linked else image_link(run.url, label)


def _formula(latex: str, kind: str) -> str:
    plain = unicode_math(latex)
    content = f"<code>{escape(latex)}</code>" if plain is None else escape(plain)
    return f'<span class="{"math" if kind == "math" else "math display"}">{content}</span>'
