"""Tables for clients without tables: text aligned by display width, or one record per row if that is too wide."""

from wcwidth import wcswidth

from glados_bots.markdown.drawing.leaves import Grid, Leaf, Place, bold
from glados_bots.markdown.drawing.raw_html import plain_runs
from glados_bots.markdown.links import safe_url
from glados_bots.markdown.tree import Run, Span, Table

# Wider lines wrap in clients' usual windows, and a wrapped table is unreadable.
MAX_COLUMNS = 66
_SEPARATOR = " │ "
# A cell's white space is drawn as one space. We assume at most as much white space as text.
_MOST_BLANK = 2
# In larger tables, records do not name their empty cells: a short text can produce half a million.
_MOST_CELLS = 2_000


def width(text: str) -> int:
    """Number of columns that a text takes: two per wide character or emoji, none per combining character."""
    if text.isascii():
        return len(text)
    return max(0, wcswidth(text))


def draw_grid(table: Table) -> Grid:
    """Draw a table with aligned columns; the header is `rows[0]`."""
    urls: dict[str, int] = {}
    cells = _cells(table, urls)
    widths = _widths(cells)
    lines = [_line(row, widths, table.aligns) for row in cells]
    lines.insert(1, "─┼─".join("─" * count for count in widths))
    return Grid(lines, list(urls), _sum(widths))


def grid_width(table: Table) -> int:
    """The columns that `draw_grid` needs. Unlike the drawing, they cost in proportion to the table's text."""
    rows = [[plain_runs(cell) for cell in row] for row in table.rows]
    return _sum(_widths(_cells(Table(table.aligns, rows), {})))


def cell_text(runs: list[Run]) -> str:
    """What a cell says, with its line breaks. The address of a link follows its label, if it may be shown."""
    parts, plain = [], plain_runs(runs)
    for index, run in enumerate(plain):
        parts.append("\n" if run.kind in {"soft", "hard"} else run.text)
        span, url = _link_end(plain, index)
        if url is not None and span is not None and not span.bare:
            parts.append(f" ({url})")
    return "\n".join(line.strip() for line in "".join(parts).strip().split("\n"))


def rows_within(rows: list[list[list[Run]]], size: int) -> int:
    """The maximum number of rows that can fit into `size` characters. Looks at no further rows."""
    for count, row in enumerate(rows):
        size -= (len(row) + sum([len(run.text) for cell in row for run in cell])) // _MOST_BLANK
        if size < 0:
            return count
    return len(rows)


def records(leaf: Leaf, table: Table) -> list[Leaf]:
    """A table as leaves: one bold line per row, and one item per further cell."""
    header, *rows = table.rows
    place = leaf.place
    inner = Place(place.quote, place.quote_id, (*place.levels, False), place.is_small)
    if not rows:
        return [Leaf("text", _joined(header), place, leaf.gap)]
    leaves: list[Leaf] = []
    is_padded = len(header) * len(rows) > _MOST_CELLS
    for row in rows:
        names_all = not leaves or not is_padded
        named = [
            (name, cell)
            for name, cell in zip(header, row, strict=False)
            if _is_filled(cell) or (names_all and _is_filled(name))
        ]
        for index, (name, cell) in enumerate(named):
            runs = [*name, Run("text", ": "), *cell] if _is_filled(name) else cell
            if index == 0:
                leaves.append(Leaf("text", bold(runs), place, 2 if leaves else leaf.gap))
            else:
                leaves.append(Leaf("text", runs, inner, 1, "-"))
    return leaves


def _is_filled(cell: list[Run]) -> bool:
    return any(run.text.strip() for run in cell)


def _joined(cells: list[list[Run]]) -> list[Run]:
    runs: list[Run] = []
    for cell in cells:
        runs += [*([Run("text", " · ")] if runs else []), *cell]
    return bold(runs)


def _cells(table: Table, urls: dict[str, int]) -> list[list[tuple[str, int]]]:
    return [[(text, width(text)) for text in (_cell(cell, urls) for cell in row)] for row in table.rows]


def _widths(cells: list[list[tuple[str, int]]]) -> list[int]:
    return [max(1, *(size for _, size in column)) for column in zip(*cells, strict=True)]


def _sum(widths: list[int]) -> int:
    return sum(widths) + len(_SEPARATOR) * (len(widths) - 1)


def _cell(runs: list[Run], urls: dict[str, int]) -> str:
    """The text of a cell. A link's number follows its label; `urls` maps addresses to numbers."""
    if len(runs) == 1 and not runs[0].spans:
        return runs[0].text.strip()
    text = ""
    for index, run in enumerate(runs):
        text += " " if run.kind in {"soft", "hard"} else _struck(runs, index)
        _, url = _link_end(runs, index)
        if url is not None:
            text += f" [{urls.setdefault(url, len(urls) + 1)}]"
    return " ".join(text.split())


def _link_end(runs: list[Run], index: int) -> tuple[Span | None, str | None]:
    """(the link around a run or None, its address if the link ends here and may be shown)."""
    span = next((span for span in runs[index].spans if span.kind == "link"), None)
    if span is None or (index + 1 < len(runs) and span in runs[index + 1].spans):
        return span, None
    return span, safe_url(span.url)


def _struck(runs: list[Run], index: int) -> str:
    """A run's text, with `~~` around struck text: code shows no styles, but struck text must be recognisable."""
    text, strike = runs[index].text, _strike(runs, index) if runs[index].spans else None
    if strike is None:
        return text
    before, after = _strike(runs, index - 1) is strike, _strike(runs, index + 1) is strike
    return ("" if before else "~~") + text + ("" if after else "~~")


def _strike(runs: list[Run], index: int) -> Span | None:
    spans = runs[index].spans if 0 <= index < len(runs) else ()
    return next((span for span in spans if span.kind == "strike"), None)


def _line(cells: list[tuple[str, int]], widths: list[int], aligns: tuple[str, ...]) -> str:
    padded = []
    for (text, size), columns, align in zip(cells, widths, aligns, strict=True):
        missing = columns - size
        left = missing if align == "Right" else missing // 2 if align == "Center" else 0
        padded.append(" " * left + text + " " * (missing - left))
    return _SEPARATOR.join(padded).rstrip()
