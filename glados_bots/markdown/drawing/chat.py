"""Base classes of the text dialects: leaves become lines, with quotes, indentation and markers before them."""

import re
from abc import abstractmethod
from bisect import bisect_left
from typing import Generic

from glados_bots.markdown.drawing.cut import Drawn, Message, MessageDialect
from glados_bots.markdown.drawing.flatten import flatten, note_leaves
from glados_bots.markdown.drawing.grid import MAX_COLUMNS, draw_grid, records, rows_within
from glados_bots.markdown.drawing.inline import (
    ZERO_WIDTH_SPACE,
    InlineDialect,
    code_language,
    without_fences,
    write_lines,
)
from glados_bots.markdown.drawing.leaves import TOP, Grid, Leaf, LeafKind
from glados_bots.markdown.drawing.packer import Packer
from glados_bots.markdown.parsing.parser import parse
from glados_bots.markdown.tree import Code, Document, Run, SpanKind, Table

RULE = "──────────"
# Chats show a second `>` as text.
NESTED_QUOTE = "\u203a "
BOXES = {True: "☑ ", False: "☐ ", None: ""}


class ChatDialect(InlineDialect):
    """Writes each leaf for one platform. Subclasses define inline content, fences, headings and items."""

    # Whether a quote may contain code.
    quotes_code = True

    @abstractmethod
    def fence(self, code: str, language: str) -> str: ...

    @abstractmethod
    def heading(self, leaf: Leaf) -> str:
        """Write a heading on one line."""

    @abstractmethod
    def indent(self, levels: tuple[bool, ...]) -> str:
        """White space before items inside these outer lists."""

    @abstractmethod
    def marker(self, leaf: Leaf) -> str:
        """The beginning of an item, with a space after it."""

    def hanging(self, is_ordered: bool) -> str:
        """White space before an item's second and later lines."""
        return "   " if is_ordered else "  "

    def small(self, line: str) -> str:
        """Write one line of a footnote."""
        return line

    @abstractmethod
    def bare(self, url: str) -> str:
        """Write an address that is its own label."""

    # Drawing

    def draw(self, leaf: Leaf) -> str:
        if leaf.drawn:
            return str(leaf.drawn)
        if leaf.kind == "text" and leaf.place is TOP:
            return "\n".join(write_lines(self, leaf.runs))
        lines = self._lines(leaf)
        if leaf.place.quote and (self.quotes_code or leaf.kind not in {"code", "table"}):
            prefix = "> " + ("" if leaf.place.levels else NESTED_QUOTE * (leaf.place.quote - 1))
            lines = [prefix + line for line in lines]
        return "\n".join(lines)

    def _lines(self, leaf: Leaf) -> list[str]:
        if leaf.kind == "text":
            return self._text_lines(leaf)
        if leaf.kind == "heading":
            return [self.heading(leaf)]
        if leaf.kind == "rule":
            return [RULE]
        if isinstance(leaf.block, Grid):
            return self._grid_lines(leaf.block)
        code = leaf.block
        return self.fence(code.text, code.language).split("\n") if isinstance(code, Code) else []

    def _grid_lines(self, grid: Grid) -> list[str]:
        links = [f"{self.escape(f'[{number}]')} {self.bare(url)}" for number, url in enumerate(grid.urls, 1)]
        return [*self.fence("\n".join(grid.lines), "").split("\n"), *links]

    def _text_lines(self, leaf: Leaf) -> list[str]:
        lines = write_lines(self, leaf.runs)
        place = leaf.place
        if not place.levels:
            return [self.small(line) for line in lines] if place.is_small else lines
        indent = self.indent(place.levels[:-1]) if len(place.levels) > 1 else ""
        first = indent + self.marker(leaf) + BOXES[leaf.checked] if leaf.marker else ""
        if first and len(lines) == 1:
            return [first + (lines[0] or ZERO_WIDTH_SPACE)]
        rest = indent + self.hanging(place.levels[-1])
        lines[1:] = [rest + line for line in lines[1:]]
        lines[0] = first + (lines[0] or ZERO_WIDTH_SPACE) if first else rest + lines[0]
        return lines

    # What cutting needs

    def expand(self, leaf: Leaf, limit: int) -> list[Leaf]:
        """Decide how to show a table: as one grid, as a grid and the rest of the table, or as records."""
        table = leaf.block
        if not isinstance(table, Table):
            return [leaf]
        most = rows_within(table.rows, limit)
        whole = self._as_grid(leaf, table.rows, limit) if most == len(table.rows) else None
        if whole is not None:
            return [whole]
        header, *rows = table.rows
        possible = range(1, most)
        count = bisect_left(possible, 1, key=lambda n: self._as_grid(leaf, [header, *rows[:n]], limit) is None)
        best = self._as_grid(leaf, [header, *rows[:count]], limit) if count else None
        is_too_wide = (
            count < len(rows) and draw_grid(Table(table.aligns, table.rows[: count + 2])).columns > MAX_COLUMNS
        )
        if best is None or is_too_wide:
            return records(leaf, table)
        rest = Table(table.aligns, [header, *rows[count:]])
        return [best, Leaf("table", [], leaf.place, 1, block=rest)]

    def _as_grid(self, leaf: Leaf, rows: list[list[list[Run]]], limit: int) -> Leaf | None:
        """These rows as text, or None if they are too wide or too long."""
        table = leaf.block
        if not isinstance(table, Table):
            return None
        grid = draw_grid(Table(table.aligns, rows))
        drawn = Leaf("table", [], leaf.place, leaf.gap, block=grid)
        if grid.columns > MAX_COLUMNS:
            return None
        drawn.drawn = self.draw(drawn)
        return drawn if len(drawn.drawn) <= limit else None

    def size(self, drawn: str) -> int:
        """Number of code points."""
        return len(drawn)

    def fits_beside(self, before: list[tuple[Leaf, str]], leaf: Leaf) -> bool:
        """Always True: a text message may hold any leaves."""
        del before, leaf
        return True

    def join(self, parts: list[tuple[Leaf, str]]) -> str:
        pieces: list[str] = []
        quote_id = 0
        for leaf, drawn in parts:
            is_same_quote = quote_id and leaf.place.quote_id == quote_id
            if pieces:
                pieces.append("\n> \n" if is_same_quote and leaf.gap > 1 else "\n" * leaf.gap)
            pieces.append(drawn)
            quote_id = leaf.place.quote_id
        return "".join(pieces)


class BackslashDialect(ChatDialect):
    """Markdown's own marks, with a backslash before characters that must not be read as markup."""

    marks: dict[SpanKind, str] = {"strong": "**", "em": "*", "strike": "~~"}  # noqa: RUF012 - never changed
    padding = ""
    line_start: re.Pattern[str]  # what makes a line a heading, item or quote

    def guard(self, line: str) -> str:
        match = self.line_start.match(line)
        if match is None:
            return line
        return f"{match[0]}\\{line[match.end() :]}" if match[0].isdigit() else "\\" + line

    def needs_boundary(self, before: str, after: str) -> bool:
        """True between two markers, because touching markers would be read as one."""
        return before in "*~" and after in "*~"

    def fence(self, code: str, language: str) -> str:
        """A code block; invisible characters break fences inside the code."""
        return f"```{code_language(language)}\n{without_fences(code) or ' '}\n```"

    def indent(self, levels: tuple[bool, ...]) -> str:
        """Two spaces in a bulleted list, three in a numbered one."""
        return "".join(self.hanging(is_ordered) for is_ordered in levels)

    def marker(self, leaf: Leaf) -> str:
        return leaf.marker + " "


def render_chat(text: str, dialect: ChatDialect, limit: int) -> list[str]:
    """Render a whole answer as messages of at most `limit` code points."""
    packer: Packer[str, str] = Packer(dialect, limit)
    packer.add(chat_leaves(parse(text)))
    return packer.messages()


def chat_leaves(document: Document) -> list[Leaf]:
    """All leaves of a document, footnotes last."""
    return flatten(document) + note_leaves(document)


class ChatSink(Generic[Drawn, Message]):
    """Collects a stream's blocks in messages."""

    def __init__(self, dialect: MessageDialect[Drawn, Message], limit: int) -> None:
        self._packer = Packer(dialect, limit)
        self._quotes = 1
        self._last: LeafKind | None = None

    def freeze(self, document: Document) -> None:
        leaves = flatten(document, self._quotes, self._last)
        self._quotes += len(leaves)
        self._last = leaves[-1].kind if leaves else self._last
        self._packer.add(leaves)

    def chunks(self, rest: Document, *, is_open: bool) -> tuple[int, list[Message]]:
        """(number of final messages, all messages with `rest` at the end). A complete answer ends with footnotes."""
        packer = self._packer.fork()
        packer.add(flatten(rest, self._quotes, self._last) + ([] if is_open else note_leaves(rest)))
        final = self._packer.full
        return len(final), [*final, *packer.messages()]
