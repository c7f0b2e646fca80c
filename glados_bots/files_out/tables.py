"""Tables as CSV, and which tables are too large for a message."""

import csv
import io
import re

from glados_bots.markdown.drawing.grid import cell_text, grid_width
from glados_bots.markdown.tree import Run, Table
from glados_bots.surface import TableLimits

MOST_SHOWN = 10  # rows of a large table that stay in the message
MOST_SHOWN_CHARS = 1_000  # in their cells; the first row stays in any case
# How a spreadsheet begins a formula, also after white space and in full width. A signed number is none, and a lone sign
# often means that there is nothing.
_FORMULA = re.compile(r"\s*+(?:[=@＝＠]|[+\-＋－](?!\s*+(?:[\d.,'\s]++(?:%|°?[^\W\d_]{0,3}+))?\s*+\Z))")
_GUARD = "'"


def is_too_large(table: Table, limits: TableLimits, source: int) -> bool:
    """Whether a message cannot show a table well. `source` is the number of characters that the table was made of.

    A table with more cells than that is mostly padding, so it stays: a short text can produce half a million cells.
    """
    header, *rows = table.rows
    if not rows or len(header) * len(table.rows) > source:
        return False
    if len(rows) > limits.rows or len(header) > limits.columns or _chars(table.rows) > limits.chars:
        return True
    return limits.width is not None and grid_width(table) > limits.width


def rows_to_show(table: Table) -> int:
    """How many rows stay in the message, with the header: the first ones that fit into MOST_SHOWN_CHARS."""
    chars = 0
    for count, row in enumerate(table.rows[1 : MOST_SHOWN + 1], 1):
        chars += _chars([row])
        if chars > MOST_SHOWN_CHARS:
            return max(2, count)
    return min(len(table.rows), MOST_SHOWN + 1)


def csv_of(table: Table) -> bytes:
    """A table as CSV (RFC 4180) in UTF-8, with the mark that Excel needs to read it as UTF-8.

    A cell that a spreadsheet would compute begins with an apostrophe, because a model's words must not compute.
    """
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\r\n").writerows(
        [[_guarded(cell_text(cell)) for cell in row] for row in table.rows]
    )
    return lines.getvalue().encode("utf-8-sig", "replace")


def _guarded(text: str) -> str:
    return _GUARD + text if _FORMULA.match(text) else text


def _chars(rows: list[list[list[Run]]]) -> int:
    return sum(len(run.text) for row in rows for cell in row for run in cell)
