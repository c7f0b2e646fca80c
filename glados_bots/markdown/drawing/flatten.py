"""Lays a document out for chat messages, as a flat list of leaves.

Here, everything that chats cannot show (raw HTML, footnote marks, formulas, images) becomes text, code and links.
"""

from glados_bots.markdown import tree
from glados_bots.markdown.drawing.leaves import TOP, Leaf, LeafKind, Place, bold
from glados_bots.markdown.drawing.math import unicode_math
from glados_bots.markdown.drawing.raw_html import block_parts, block_runs, plain_runs
from glados_bots.markdown.links import safe_url
from glados_bots.markdown.tree import Block, Document, Image, Run

_PLAIN_KINDS = {"text", "code", "soft", "hard"}


def flatten(document: Document, first_quote: int = 1, before: LeafKind | None = None) -> list[Leaf]:
    """Lay a document out as leaves in reading order, without its footnotes.

    For a part of a document, `first_quote` is the id of its first quote, and `before` the kind of the leaf before it.
    """
    flattener = _Flattener(document, first_quote, before)
    flattener.blocks(document.blocks, TOP, 2)
    return flattener.leaves


def note_leaves(document: Document) -> list[Leaf]:
    flattener = _Flattener(document, 0)
    place = Place(is_small=True)
    for note in document.notes:
        known = len(flattener.leaves)
        flattener.blocks(note.blocks, place, 1)
        label = Run("text", f"[{document.number(note.label)}] ")
        first = flattener.leaves[known] if len(flattener.leaves) > known else None
        if first is not None and first.kind == "text" and not first.marker:
            first.runs = [label, *first.runs]
        else:
            flattener.leaves.insert(known, Leaf("text", [label], place, 1))
    if flattener.leaves:
        flattener.leaves[0].gap = 2
    return flattener.leaves


class _Flattener:
    """Walks the tree. In its methods, `item` is the marker and the task state for the next leaf."""

    def __init__(self, document: Document, first_quote: int, before: LeafKind | None = None) -> None:
        self.leaves: list[Leaf] = []
        self._document = document
        self._quotes = first_quote
        self._before = before

    def blocks(self, blocks: list[Block], place: Place, gap: int) -> None:
        for block in blocks:
            self._block(block, place, gap)

    def _block(self, block: Block, place: Place, gap: int, item: tuple[str, bool | None] = ("", None)) -> None:
        match block:
            case tree.Paragraph():
                self._paragraph(block.runs, place, gap, item)
            case tree.Heading():
                self._heading(block, place, gap, item)
            case tree.Code():
                self._add(Leaf("code", [], place, 1, block=block))
            case tree.Table():
                rows = [[self._plain(cell) for cell in row] for row in block.rows]
                self._add(Leaf("table", [], place, 1, block=tree.Table(block.aligns, rows)))
            case tree.Quote():
                self._quote(block, place, gap)
            case tree.List():
                self._list(block, place, gap)
            case tree.Rule():
                self._add(Leaf("rule", [], place, gap))
            case tree.Html():
                self._html(block, place, gap, item)

    def _add(self, leaf: Leaf) -> None:
        if leaf.gap > 1 and self._before in {"heading", "code"}:
            leaf.gap = 1
        self._before = leaf.kind
        self.leaves.append(leaf)

    def _paragraph(self, runs: list[Run], place: Place, gap: int, item: tuple[str, bool | None]) -> None:
        """Add a paragraph. Display formulas that plain characters cannot express become separate code leaves."""
        for run in runs:
            if run.kind not in _PLAIN_KINDS:
                break
        else:
            self._plain_text(runs, place, gap, item)
            return
        prose: list[Run] = []
        for run in runs:
            if run.kind == "display" and unicode_math(run.text) is None:
                self._text(prose, place, gap, item)
                self._add(Leaf("code", [], place, 1, block=tree.Code("latex", run.text.strip("\n"))))
                prose, item = [], ("", None)
            else:
                prose.append(run)
        self._text(prose, place, gap, item)

    def _html(self, block: tree.Html, place: Place, gap: int, item: tuple[str, bool | None]) -> None:
        for part in block_parts(block.text):
            if isinstance(part, tree.Code):
                self._add(Leaf("code", [], place, 1, block=part))
            else:
                self._paragraph(block_runs(part), place, gap, item)

    def _text(self, runs: list[Run], place: Place, gap: int, item: tuple[str, bool | None]) -> None:
        self._plain_text(self._plain(runs), place, gap, item)

    def _plain_text(self, runs: list[Run], place: Place, gap: int, item: tuple[str, bool | None]) -> None:
        runs = _trimmed(runs)
        if runs or item[0]:
            self._add(Leaf("text", runs, place, gap, *item))

    def _heading(self, block: tree.Heading, place: Place, gap: int, item: tuple[str, bool | None]) -> None:
        runs = [Run("text", " ", run.spans) if run.kind == "soft" else run for run in _trimmed(self._plain(block.runs))]
        if item[0]:
            self._add(Leaf("text", bold(runs), place, gap, *item))
        elif runs:
            self._add(Leaf("heading", runs, place, gap, level=block.level))

    def _quote(self, block: tree.Quote, place: Place, gap: int) -> None:
        quote_id = place.quote_id
        if not quote_id:
            quote_id, self._quotes = self._quotes, self._quotes + 1
        inner = Place(place.quote + 1, quote_id, (), place.is_small)
        known = len(self.leaves)
        if block.alert:
            self._add(Leaf("text", bold([Run("text", block.alert)]), inner, gap))
        self.blocks(block.blocks, inner, 2)
        for index, leaf in enumerate(self.leaves[known : known + 2]):
            leaf.gap = min(leaf.gap, gap if index == 0 else 1 if block.alert else leaf.gap)

    def _list(self, block: tree.List, place: Place, gap: int) -> None:
        inner = Place(place.quote, place.quote_id, (*place.levels, block.start is not None), place.is_small)
        for index, item in enumerate(block.items):
            marker = "-" if item.number is None else f"{item.number}."
            self._item(item, inner, 1 if index or place.levels else gap, (marker, item.checked))

    def _item(self, item: tree.Item, place: Place, gap: int, mark: tuple[str, bool | None]) -> None:
        blocks = item.blocks
        if blocks and isinstance(blocks[0], tree.Paragraph | tree.Heading):
            self._block(blocks[0], place, gap, mark)
            blocks = blocks[1:]
        else:
            self._add(Leaf("text", [], place, gap, *mark))
        self.blocks(blocks, place, 1)

    def _plain(self, runs: list[Run]) -> list[Run]:
        """Convert all runs to text, code and breaks."""
        for run in runs:
            if run.kind not in _PLAIN_KINDS:
                break
        else:
            return runs
        if any(run.kind == "html" for run in runs):
            runs = plain_runs(runs)
        return [self._plain_run(run) for run in runs]

    def _plain_run(self, run: Run) -> Run:
        if isinstance(run, Image):
            return _image(run)
        match run.kind:
            case "note":
                return Run("text", f"[{self._document.number(run.text)}]", run.spans)
            case "math" | "display":
                plain = unicode_math(run.text)
                return Run("code", run.text, run.spans) if plain is None else Run("text", plain, run.spans)
            case _:
                return run


def _image(run: Image) -> Run:
    url = safe_url(run.url)
    label = run.text or run.title
    if url is None or any(span.kind == "link" for span in run.spans):
        return Run("text", label, run.spans)
    return Run("text", label or url, (*run.spans, tree.Span("link", run.url)))


def _trimmed(runs: list[Run]) -> list[Run]:
    """The runs without breaks and white space at both ends."""
    if runs and runs[0].text[:1].strip() and runs[-1].text[-1:].strip():
        return runs
    start, end = 0, len(runs)
    while start < end and runs[start].kind != "code" and not _shows(runs[start]):
        start += 1
    while end > start and runs[end - 1].kind != "code" and not _shows(runs[end - 1]):
        end -= 1
    return runs[start:end]


def _shows(run: Run) -> bool:
    return bool(run.text.strip()) or any(span.kind == "link" and safe_url(span.url) for span in run.spans)
