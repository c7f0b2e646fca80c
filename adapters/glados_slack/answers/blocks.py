"""Answers in Block Kit: `rich_text`, `header`, `table`, `divider` and `context` blocks."""

from collections.abc import Callable

from glados_bots.markdown.drawing.chat import BOXES, ChatDialect
from glados_bots.markdown.drawing.inline import ZERO_WIDTH_SPACE, code_language
from glados_bots.markdown.drawing.leaves import Leaf, bold
from glados_bots.markdown.tree import Code, Table
from glados_slack.answers import block_kit, tables
from glados_slack.answers.block_kit import Block, literal
from glados_slack.answers.mentions import without_tokens
from glados_slack.answers.rich_text import elements

# Slack's limits: characters of a header, blocks a message, a list's levels.
MAX_HEADER, MAX_BLOCKS, MAX_INDENT = 150, 50, 8
ROOM = 5  # blocks kept free for small print and buttons
MAX_CONTEXT = 2_000  # characters of a context element that are surely taken
MAX_LANGUAGE = 30


class BlockDialect:
    """What cutting needs to know about Block Kit; sizes are characters of text and addresses."""

    def __init__(self, text_dialect: ChatDialect) -> None:
        self._text = text_dialect

    def expand(self, leaf: Leaf, limit: int, size_of: Callable[[tables.Row], int] = tables.row_size) -> list[Leaf]:
        if not isinstance(leaf.block, Table) or leaf.drawn:
            return [leaf]
        return tables.expand(leaf, leaf.block, limit, size_of)

    def draw(self, leaf: Leaf) -> Block:
        """Write a leaf as a block, or as an element of a rich_text block."""
        drawn: Block | None = leaf.drawn
        if drawn:
            return drawn
        if leaf.kind == "rule":
            return {"type": "divider"}
        if isinstance(leaf.block, Table):
            return tables.draw(leaf.block)
        if isinstance(leaf.block, Code):
            return _code(leaf.block) | ({"border": 1} if leaf.place.quote else {})
        return _heading(leaf) if leaf.kind == "heading" else self._draw_text(leaf)

    def _draw_text(self, leaf: Leaf) -> Block:
        place = leaf.place
        if place.is_small and not place.levels:
            text = self._text.draw(leaf)
            if len(text) <= MAX_CONTEXT:
                return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}
        content = [literal(BOXES[leaf.checked])] if leaf.checked is not None else []
        content += elements(leaf.runs)
        section: Block = {"type": "rich_text_section", "elements": content or [literal(ZERO_WIDTH_SPACE)]}
        if place.levels and leaf.marker:
            return _item(leaf, section)
        return section | {"type": "rich_text_quote"} if place.quote and not place.levels else section

    def size(self, drawn: Block) -> int:
        return block_kit.size(drawn)

    def fits_beside(self, before: list[tuple[Leaf, Block]], leaf: Leaf) -> bool:
        """Slack takes one table and fifty blocks a message."""
        if leaf.kind != "table" and 2 * len(before) < MAX_BLOCKS - ROOM:
            return True
        if leaf.kind == "table" and any(other.kind == "table" for other, _ in before):
            return False
        return sum(1 if drawn["type"].startswith("rich_text") else 2 for _, drawn in before) < MAX_BLOCKS - ROOM

    def join(self, parts: list[tuple[Leaf, Block]]) -> list[Block]:
        """The blocks of a message; neighbours that belong together become one element."""
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
        return blocks


def _code(code: Code) -> Block:
    block: Block = {"type": "rich_text_preformatted", "elements": [literal(code.text or " ")]}
    language = code_language(code.language)
    return block | ({"language": language} if language and len(language) <= MAX_LANGUAGE else {})


def _heading(leaf: Leaf) -> Block:
    """A header block, which is plain text; with styles, links, or in a quote a bold line."""
    text = "".join([run.text for run in leaf.runs])
    is_plain = all(run.kind == "text" and not {span.kind for span in run.spans} - {"strong"} for run in leaf.runs)
    if is_plain and not leaf.place.quote and len(text) <= MAX_HEADER:
        return block_kit.header(without_tokens(text))
    kind = "rich_text_quote" if leaf.place.quote else "rich_text_section"
    return {"type": kind, "elements": elements(bold(leaf.runs)) or [literal(ZERO_WIDTH_SPACE)]}


def _item(leaf: Leaf, section: Block) -> Block:
    if leaf.marker == "0.":  # Slack counts from 1
        return section | {"elements": [literal("0. "), *section["elements"]]}
    style = "bullet" if leaf.marker == "-" else "ordered"
    items: Block = {"type": "rich_text_list", "style": style, "indent": _indent(leaf)}
    if style == "ordered" and (number := int(leaf.marker[:-1])) > 1:
        items["offset"] = number - 1
    return items | ({"border": 1} if leaf.place.quote else {}) | {"elements": [section]}


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
            last["elements"][-1] = {**item, "elements": [*item["elements"], literal("\n"), *drawn["elements"]]}
            return True
        return False
    is_same = leaf.place.quote_id == before.place.quote_id
    if kind == last["type"] and kind in {"rich_text_section", "rich_text_quote"} and is_same:
        last["elements"] += [literal("\n" * leaf.gap), *drawn["elements"]]
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
