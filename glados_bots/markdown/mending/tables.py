r"""Repairs of tables: rows whose length differs from the delimiter row's, and bars within code.

GFM does not read a table if the header and the delimiter row differ. It drops cells beyond the header's, and ends a
cell at a bar even within code.
"""

import re
from bisect import bisect_right

from glados_bots.markdown.fences import Edit, fenced

# A part of a possible delimiter row.
_HINT = re.compile(r"\|[ \t]*:?-")
_PREFIX = r"(?:[ \t>]|(?:[-*+]|\d{1,9}[.)])(?=[ \t]))*+"  # of quotes and list items, in any order
_DELIMITERS = re.compile(rf"{_PREFIX}\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+\Z")
_START = re.compile(rf"{_PREFIX}")
# An escaped character, one of Slack's links, back-ticks, or a bar that ends a cell.
_TOKEN = re.compile(r"\\.|<(?:https?://|mailto:)[^\s<>|]+\|[^<>|\n]*>|(?P<ticks>`+)|(?P<bar>\|)")
_TICKS = re.compile("`+")


def table_edits(text: str) -> list[Edit]:
    """Edits that make each row of a table as long as its header, and keep bars within code."""
    edits: list[Edit] = []
    hint = _HINT.search(text) if "|" in text else None
    while hint:
        start = text.rfind("\n", 0, hint.start()) + 1
        end = _line_end(text, start)
        if _DELIMITERS.match(text[start:end]):
            end = _mend_table(text, start, end, edits)
        hint = _HINT.search(text, end)
    code = fenced(text) if edits else []
    return [edit for edit in edits if not _is_within(edit[0], code)]


def _mend_table(text: str, start: int, end: int, edits: list[Edit]) -> int:
    """Repair the table whose delimiter row is at `start`; returns where the table ends."""
    header = text.rfind("\n", 0, max(0, start - 1)) + 1
    if start == 0 or not text[header : start - 1].strip():
        return end
    count = text.count("|", start, end)
    if all(_is_regular(row, count) for row in (text[header : start - 1], text[start:end])):
        return _mend_rows(text, end, count - 1, count, edits)
    bars, code_bars = _bars(text, header, start - 1)
    columns = _cells(text, header, start - 1, bars)
    delimiters, _ = _bars(text, start, end)
    missing = columns - _cells(text, start, end, delimiters)
    if not bars or columns == missing:
        return end
    edits += _escaped(code_bars)
    if missing > 0:
        edits.append((end, end, _more(text, start, end, " --- |" * missing)))
    elif missing < 0:
        edits.append((start - 1, start - 1, _more(text, header, start - 1, "  |" * -missing)))
        columns -= missing
    return _mend_rows(text, end, columns, 0, edits)


def _mend_rows(text: str, end: int, columns: int, usual: int, edits: list[Edit]) -> int:
    """Repair the rows after a delimiter row. A row with `usual` bars has the table's length; 0: check every row."""
    while end < len(text):
        line, end = end + 1, _line_end(text, end + 1)
        if not text[line:end].strip():
            break
        if usual and _is_regular(text[line:end], usual):
            continue
        bars, code_bars = _bars(text, line, end)
        edits += _escaped(code_bars)
        surplus = _cells(text, line, end, bars) - columns
        if surplus > 0:  # the last cell gets all surplus cells
            inner = bars[:-1] if _is_closed(text, line, end, bars) else bars
            edits += _escaped(inner[len(inner) - surplus :])
    return end


def _is_regular(row: str, count: int) -> bool:
    """Whether a row has `count` bars, including both edges, and none within code. Most rows are regular."""
    if row.count("|") != count or row[:1] != "|" or row.rstrip()[-1:] != "|" or "\\" in row:
        return False
    return "`" not in row or not any("|" in code for code in row.split("`")[1::2])


def _bars(text: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """(bars of a row that end cells, bars within code)."""
    ends: list[int] = []
    code: list[int] = []
    runs: dict[str, list[int]] = {}
    for ticks in _TICKS.finditer(text, start, end):
        runs.setdefault(ticks[0], []).append(ticks.start())
    until = start
    for token in _TOKEN.finditer(text, start, end):
        if token.start() < until:
            if token["bar"]:
                code.append(token.start())
        elif token["bar"]:
            ends.append(token.start())
        elif token["ticks"]:
            places = runs.get(token["ticks"], [])
            index = bisect_right(places, token.start())
            until = places[index] + 1 if index < len(places) else token.start()
    return ends, code


def _cells(text: str, start: int, end: int, bars: list[int]) -> int:
    """The number of a row's cells. The bars at its edges are optional."""
    return len(bars) + 1 - _is_opened(text, start, end, bars) - _is_closed(text, start, end, bars)


def _is_opened(text: str, start: int, end: int, bars: list[int]) -> bool:
    first = _START.match(text, start, end)
    return bool(bars) and first is not None and first.end() == bars[0]


def _is_closed(text: str, start: int, end: int, bars: list[int]) -> bool:
    is_other = len(bars) > 1 or not _is_opened(text, start, end, bars)
    return bool(bars) and is_other and not text[bars[-1] + 1 : end].strip()


def _more(text: str, start: int, end: int, cells: str) -> str:
    """The cells in the form that must be appended to this row."""
    return cells if text[start:end].rstrip().endswith("|") else " |" + cells.removesuffix("|")


def _escaped(bars: list[int]) -> list[Edit]:
    return [(bar, bar, "\\") for bar in bars]


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _is_within(place: int, parts: list[tuple[int, int]]) -> bool:
    index = bisect_right(parts, (place, 1 << 62)) - 1
    return index >= 0 and place < parts[index][1]
