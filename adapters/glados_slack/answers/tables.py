"""Tables as Slack's own blocks, cut by its limits; what no such block can hold becomes records."""

from collections.abc import Callable

from glados_bots.markdown.drawing.grid import records
from glados_bots.markdown.drawing.leaves import Leaf
from glados_bots.markdown.tree import Run, Table
from glados_slack.answers.block_kit import Block, size
from glados_slack.answers.mentions import without_tokens
from glados_slack.answers.rich_text import elements

MAX_ROWS, MAX_COLUMNS, MAX_CHARS = 100, 20, 10_000  # Slack's limits of a table
Row = list[list[Run]]


def expand(leaf: Leaf, table: Table, limit: int, size_of: Callable[[Row], int]) -> list[Leaf]:
    """The leaf with its block, its two parts, or records.

    Args:
        leaf: of the table.
        table: with a header.
        limit: characters of a message.
        size_of: characters that a row takes of them, in whatever way it is drawn.
    """
    header, *rows = table.rows
    if len(header) > MAX_COLUMNS:
        return records(leaf, table)
    room = min(limit, MAX_CHARS) - size_of(header)
    count = 0
    for row in rows[: MAX_ROWS - 1]:
        room -= size_of(row)
        if room < 0:
            break
        count += 1
    if room >= 0 and count == len(rows):
        leaf.drawn = draw(table)
        return [leaf]
    if count == 0:
        return records(leaf, table)
    parts = (rows[:count], rows[count:])
    return [Leaf("table", [], leaf.place, 1, block=Table(table.aligns, [header, *part])) for part in parts]


def draw(table: Table) -> Block:
    rows = [[_cell(cell) for cell in row] for row in table.rows]
    settings = [{"align": "left" if align == "None" else align.lower(), "is_wrapped": True} for align in table.aligns]
    return {"type": "table", "column_settings": settings, "rows": rows}


def _cell(runs: list[Run]) -> Block:
    """A cell; Slack refuses empty ones."""
    if len(runs) == 1 and runs[0].kind == "text" and not runs[0].spans:
        return {"type": "raw_text", "text": without_tokens(runs[0].text).strip() or " "}
    content = elements(runs)
    if all(element["type"] == "text" and "style" not in element for element in content):
        return {"type": "raw_text", "text": "".join(element["text"] for element in content).strip() or " "}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": content}]}


def row_size(row: Row) -> int:
    """Characters of a row's block."""
    return sum(size(_cell(cell)) for cell in row)
