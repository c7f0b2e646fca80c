"""Writes the parsed tree as HTML, block by block. The caller must sanitise raw HTML before anybody sees it."""

import re
from html import escape

from glados_bots.markdown import tree
from glados_bots.markdown.drawing.math import unicode_math
from glados_bots.markdown.tags import RAW_TEXT, tag_name
from glados_bots.markdown.tree import Block, Document, Image, Run, Span, Spans
from glados_web.answers.links import image_link, link_tags
from glados_web.answers.painter import Patience, plain
from glados_web.answers.raw_html import Nesting, allowed, with_links

_LANGUAGE = re.compile(r"[\w.+#;/@*-]{1,40}\Z")
_TAGS = {"strong": "strong", "em": "em", "strike": "del"}


class HtmlWriter:
    """Writes blocks. It escapes all text of the answer except raw HTML.

    Without `patience` the code may still grow, so the writer leaves it without colours.
    """

    def __init__(self, document: Document, patience: Patience | None) -> None:
        self.has_raw_html = False  # whether the writer wrote raw HTML
        self.nesting = Nesting()  # the open elements of raw HTML
        self._document = document
        self._patience = patience

    def block(self, block: Block) -> str:  # noqa: PLR0911 - one return per kind of block
        match block:
            case tree.Paragraph():
                return self._paragraph(block)
            case tree.Heading():
                return f"<h{block.level}>{self.runs(block.runs, soft=' ')}</h{block.level}>"
            case tree.Code():
                return self._code(block)
            case tree.Quote():
                title = f'<p class="alert">{block.alert}</p>' if block.alert else ""
                return f"<blockquote>{title}{self.blocks(block.blocks)}</blockquote>"
            case tree.List():
                return self._list(block)
            case tree.Table():
                return self._table(block)
            case tree.Rule():
                return "<hr>"
            case tree.Html():
                self.has_raw_html = True
                return with_links(allowed(block.text, self.nesting.depth))

    def blocks(self, blocks: list[Block]) -> str:
        return "".join(self.block(block) for block in blocks)

    def notes(self, notes: list[tree.Note]) -> str:
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
            return image_link(run)
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
        is_text = name in RAW_TEXT or not self.nesting.takes(name, is_end=html.startswith("</"))
        return escape(html) if is_text else html

    def _paragraph(self, block: tree.Paragraph) -> str:
        content = self.runs(block.runs)
        return content if block.tight else f"<p>{content}</p>"

    def _code(self, block: tree.Code) -> str:
        language = block.language
        label = f' class="language-{escape(language)}"' if _LANGUAGE.match(language) else ""
        text = block.text + "\n" if block.text else ""
        content = self._patience.paint(text, language) if self._patience else plain(text)
        return f"<pre><code{label}>{content}</code></pre>"

    def _list(self, block: tree.List) -> str:
        tag = "ul" if block.start is None else "ol"
        start = f' start="{block.start}"' if block.start not in {None, 1} else ""
        items: list[str] = []
        number = block.start
        for item in block.items:
            items.append(self._item(item, "" if item.number == number else f' value="{item.number}"'))
            number = None if item.number is None else item.number + 1
        return f"<{tag}{start}>{''.join(items)}</{tag}>"

    def _item(self, item: tree.Item, value: str) -> str:
        box = ""
        if item.checked is not None:
            box = f'<input type="checkbox" disabled=""{" checked=" + chr(34) * 2 if item.checked else ""}> '
        content = self.blocks(item.blocks)
        if box and content.startswith("<p>"):
            return f"<li{value}><p>{box}{content[3:]}</li>"
        return f"<li{value}>{box}{content}</li>"

    def _table(self, block: tree.Table) -> str:
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
    """Like `html.escape(text, quote=False)` in a third of the time: no function here is called more often."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _shared(open_spans: list[tuple[Span, str]], spans: Spans) -> int:
    depth = 0
    for (opened, _), span in zip(open_spans, spans, strict=False):
        if opened is not span:
            break
        depth += 1
    return depth


def _span_tags(span: Span, runs: list[Run], first: int) -> tuple[str, str]:
    """Return the tags that open and close a span. `first` is the index of its first run."""
    if span.kind != "link":
        tag = _TAGS[span.kind]
        return f"<{tag}>", f"</{tag}>"
    end = first
    while end < len(runs) and span in runs[end].spans:
        end += 1
    return link_tags(span, runs[first:end])


def _formula(latex: str, kind: str) -> str:
    plain = unicode_math(latex)
    content = f"<code>{escape(latex)}</code>" if plain is None else escape(plain)
    return f'<span class="{"math" if kind == "math" else "math display"}">{content}</span>'
