"""Answers in Block Kit: `rich_text`, `header`, `table`, `divider` and `context` blocks.

Text in a rich_text element is literal, so nothing an answer says can become a mention or a link there.
"""

import re
from typing import Any

from glados_bots.markdown.drawing.chat import BOXES, ChatDialect
from glados_bots.markdown.drawing.cut import split
from glados_bots.markdown.drawing.grid import records
from glados_bots.markdown.drawing.inline import ZERO_WIDTH_SPACE
from glados_bots.markdown.drawing.leaves import Leaf, bold
from glados_bots.markdown.links import hidden_host, safe_url
from glados_bots.markdown.tree import Code, Run, Span, Table

Block = dict[str, Any]

# Slack's limits: characters of a header, blocks a message, a table's rows, columns and characters.
MAX_HEADER = 150
MAX_BLOCKS = 50
# Blocks kept free for small print and buttons.
ROOM = 5
MAX_ROWS, MAX_COLUMNS, MAX_TABLE = 100, 20, 10_000
# Of a list's items.
MAX_INDENT = 8
# Characters of `text`, and of a context element, that are surely taken.
MAX_TEXT = 3_800
MAX_CONTEXT = 2_000

_STYLES = {"strong": "bold", "em": "italic", "strike": "strike"}
_TOKEN = re.compile(r"<(?=[!@#])|@(?=channel|here|everyone)", re.IGNORECASE)


class SlackMessage:
    """A message; equal to another with the same blocks.

    Attributes:
        blocks: what is shown.
    """

    __slots__ = ("_leaves", "_text", "_text_dialect", "blocks")

    def __init__(self, blocks: list[Block], leaves: list[Leaf], text_dialect: ChatDialect) -> None:
        self.blocks = blocks
        self._leaves = leaves
        self._text_dialect = text_dialect
        self._text: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SlackMessage) and self.blocks == other.blocks

    __hash__ = None  # type: ignore[assignment]  # as a list, it can change

    @property
    def text(self) -> str:
        """The mrkdwn that notifications and screen readers use; written when it is first asked for."""
        if self._text is None:
            self._text = _fallback(self._leaves, self._text_dialect)
        return self._text


def elements(runs: list[Run]) -> list[Block]:
    """Inline content as rich_text elements."""
    found: list[Block] = []
    for index, run in enumerate(runs):
        text = "\n" if run.kind in {"soft", "hard"} else run.text
        if run.kind != "code":
            text = _without_tokens(text)
            if text and not run.spans:
                found.append({"type": "text", "text": text})
                continue
        span = next((span for span in run.spans if span.kind == "link"), None)
        url = safe_url(span.url) if span is not None else None
        if not text and url is None:
            continue
        element: Block = {"type": "text", "text": text}
        if span is not None and url is not None:
            is_last = not (index + 1 < len(runs) and span in runs[index + 1].spans)
            host = _hidden_host(runs, index, span, url) if is_last and span.may_mislead else ""
            element = {"type": "link", "url": url, "text": (text or url) + (f" ({host})" if host else "")}
        style = {_STYLES[inner.kind]: True for inner in run.spans if inner.kind != "link"}
        if run.kind == "code":
            style["code"] = True
        if style:
            element["style"] = style
        found.append(element)
    return found


def _without_tokens(text: str) -> str:
    """Break what looks like a mention, for readers that take literal text for mrkdwn."""
    return _TOKEN.sub(lambda match: match[0] + ZERO_WIDTH_SPACE, text) if "@" in text or "<" in text else text


def _hidden_host(runs: list[Run], last: int, span: Span, url: str) -> str:
    """See `hidden_host`; the link's label ends with the run number `last`."""
    first = last
    while first > 0 and span in runs[first - 1].spans:
        first -= 1
    label = runs[first : last + 1]
    return hidden_host("".join(run.text for run in label), url, [run.text for run in label if run.kind == "code"])


class BlockDialect:
    """What cutting needs to know about Block Kit; sizes are characters of text and addresses."""

    def __init__(self, text_dialect: ChatDialect) -> None:
        self._text = text_dialect

    def expand(self, leaf: Leaf, limit: int) -> list[Leaf]:
        """Cut a table by Slack's limits; what no table block can hold becomes records."""
        table = leaf.block
        if not isinstance(table, Table) or leaf.drawn:
            return [leaf]
        header, *rows = table.rows
        if len(header) > MAX_COLUMNS:
            return records(leaf, table)
        if len(rows) < MAX_ROWS:
            drawn = _table(table)
            if _size(drawn) <= min(limit, MAX_TABLE):
                leaf.drawn = drawn
                return [leaf]
        room = min(limit, MAX_TABLE) - _row_size(header)
        count = 0
        for row in rows[: MAX_ROWS - 1]:
            room -= _row_size(row)
            if room < 0:
                break
            count += 1
        if count == 0:
            return records(leaf, table)
        parts = (rows[:count], rows[count:])
        return [Leaf("table", [], leaf.place, 1, block=Table(table.aligns, [header, *part])) for part in parts]

    def draw(self, leaf: Leaf) -> Block:
        """Write a leaf as a block, or as an element of a rich_text block."""
        drawn: Block | None = leaf.drawn
        if drawn:
            return drawn
        if leaf.kind == "rule":
            return {"type": "divider"}
        if isinstance(leaf.block, Table):
            return _table(leaf.block)
        if isinstance(leaf.block, Code):
            code: Block = {"type": "rich_text_preformatted", "elements": [_literal(leaf.block.text or " ")]}
            if re.fullmatch(r"[A-Za-z0-9_+#.-]{1,30}", leaf.block.language):
                code["language"] = leaf.block.language
            border: Block = {"border": 1} if leaf.place.quote else {}
            return code | border
        return self._draw_heading(leaf) if leaf.kind == "heading" else self._draw_text(leaf)

    def _draw_heading(self, leaf: Leaf) -> Block:
        """A header block, which is plain text; with styles, links, or in a quote a bold line."""
        plain = "".join([run.text for run in leaf.runs])
        is_plain = all(run.kind == "text" and not {span.kind for span in run.spans} - {"strong"} for run in leaf.runs)
        if is_plain and not leaf.place.quote and len(plain) <= MAX_HEADER:
            text: Block = {"type": "plain_text", "text": _without_tokens(plain), "emoji": False}
            return {"type": "header", "text": text}
        kind = "rich_text_quote" if leaf.place.quote else "rich_text_section"
        return {"type": kind, "elements": elements(bold(leaf.runs)) or [_literal(ZERO_WIDTH_SPACE)]}

    def _draw_text(self, leaf: Leaf) -> Block:
        content = elements(leaf.runs)
        box = BOXES[leaf.checked]
        if box:
            content.insert(0, _literal(box))
        place = leaf.place
        if place.is_small and not place.levels:
            text = self._text.draw(leaf)
            if len(text) <= MAX_CONTEXT:
                return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}
        section: Block = {"type": "rich_text_section", "elements": content or [_literal(ZERO_WIDTH_SPACE)]}
        if place.levels and leaf.marker:
            if leaf.marker == "0.":  # Slack counts from 1
                return section | {"elements": [_literal("0. "), *section["elements"]]}
            style = "bullet" if leaf.marker == "-" else "ordered"
            items: Block = {"type": "rich_text_list", "style": style, "indent": _indent(leaf)}
            if style == "ordered" and (number := int(leaf.marker[:-1])) > 1:
                items["offset"] = number - 1
            return items | ({"border": 1} if place.quote else {}) | {"elements": [section]}
        if place.quote and not place.levels:
            return {"type": "rich_text_quote", "elements": section["elements"]}
        return section

    def size(self, drawn: Block) -> int:
        """Characters of every text and address in it."""
        return _size(drawn)

    def fits_beside(self, before: list[tuple[Leaf, Block]], leaf: Leaf) -> bool:
        """Slack takes one table and fifty blocks a message."""
        if leaf.kind != "table" and 2 * len(before) < MAX_BLOCKS - ROOM:
            return True
        if leaf.kind == "table" and any(other.kind == "table" for other, _ in before):
            return False
        return sum(1 if drawn["type"].startswith("rich_text") else 2 for _, drawn in before) < MAX_BLOCKS - ROOM

    def join(self, parts: list[tuple[Leaf, Block]]) -> SlackMessage:
        """Write a message; neighbours that belong together become one element."""
        blocks: list[Block] = []
        before: Leaf | None = None
        for leaf, drawn in parts:
            if not drawn["type"].startswith("rich_text"):
                blocks.append(drawn)
            elif blocks and blocks[-1]["type"] == "rich_text":
                if before is None or not _merge(blocks[-1]["elements"], drawn, leaf, before):
                    blocks[-1]["elements"].append(_copy(drawn))
            else:
                blocks.append({"type": "rich_text", "elements": [_copy(drawn)]})
            before = leaf
        return SlackMessage(blocks, [leaf for leaf, _ in parts], self._text)


def _fallback(leaves: list[Leaf], dialect: ChatDialect) -> str:
    parts: list[tuple[Leaf, str]] = []
    room = MAX_TEXT
    for leaf in leaves:
        for shown in dialect.expand(leaf, MAX_TEXT):
            drawn = dialect.draw(shown)
            if len(drawn) > room and not parts:
                shown, _ = split(shown, MAX_TEXT, dialect)  # noqa: PLW2901 - only its beginning is shown
                drawn = dialect.draw(shown)
            if len(drawn) > room:
                return dialect.join(parts) + "\n…"
            parts.append((shown, drawn))
            room -= len(drawn) + 4
    return dialect.join(parts)


def _merge(siblings: list[Block], drawn: Block, leaf: Leaf, before: Leaf) -> bool:
    """Add to the element before, if this is more of the same list, quote or prose."""
    last = siblings[-1]
    kind = drawn["type"]
    if last["type"] == "rich_text_list":
        if kind == "rich_text_list" and _is_next_item(last, drawn):
            last["elements"] += drawn["elements"]
            return True
        is_inside = leaf.place.levels and last["indent"] == _indent(leaf)
        if kind == "rich_text_section" and is_inside:
            item = last["elements"][-1]
            last["elements"][-1] = {**item, "elements": [*item["elements"], _literal("\n"), *drawn["elements"]]}
            return True
        return False
    is_same = leaf.place.quote_id == before.place.quote_id
    if kind == last["type"] and kind in {"rich_text_section", "rich_text_quote"} and is_same:
        last["elements"] += [_literal("\n" * leaf.gap), *drawn["elements"]]
        return True
    return False


def _indent(leaf: Leaf) -> int:
    return min(len(leaf.place.levels) - 1, MAX_INDENT)


def _is_next_item(last: Block, drawn: Block) -> bool:
    if any(last.get(key) != drawn.get(key) for key in ("style", "indent", "border")):
        return False
    return bool(last["style"] == "bullet" or last.get("offset", 0) + len(last["elements"]) == drawn.get("offset", 0))


def _copy(drawn: Block) -> Block:
    """Its own list of elements, since neighbours are added to it."""
    return {**drawn, "elements": list(drawn["elements"])}


def _literal(text: str) -> Block:
    return {"type": "text", "text": text}


def _table(table: Table) -> Block:
    rows = [[_cell(cell) for cell in row] for row in table.rows]
    settings = [{"align": "left" if align == "None" else align.lower(), "is_wrapped": True} for align in table.aligns]
    return {"type": "table", "column_settings": settings, "rows": rows}


def _cell(runs: list[Run]) -> Block:
    """A cell; Slack refuses empty ones."""
    if len(runs) == 1 and runs[0].kind == "text" and not runs[0].spans:
        return {"type": "raw_text", "text": _without_tokens(runs[0].text).strip() or " "}
    content = elements(runs)
    if all(element["type"] == "text" and "style" not in element for element in content):
        return {"type": "raw_text", "text": "".join(element["text"] for element in content).strip() or " "}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": content}]}


def _row_size(row: list[list[Run]]) -> int:
    return sum(_size(_cell(cell)) for cell in row)


def _size(block: Block) -> int:
    """Characters of every text and address within a block."""
    match block["type"]:
        case "table":
            return sum([_size(cell) for row in block["rows"] for cell in row])
        case "raw_text" | "plain_text":
            return len(block["text"])
        case "header":
            return _size(block["text"])
        case "rich_text" | "rich_text_list":
            return sum([_size(inner) for inner in block["elements"]])
        case _:
            return sum([len(inner["text"]) + len(inner.get("url", "")) for inner in block.get("elements", ())])
