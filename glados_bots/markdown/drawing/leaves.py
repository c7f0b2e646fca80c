"""One piece of a chat message, with the lists and quotes around it."""

from dataclasses import dataclass
from typing import Any, Literal

from glados_bots.markdown.tree import Code, Run, Span, Table

LeafKind = Literal["text", "heading", "code", "table", "rule"]


@dataclass(slots=True, frozen=True)
class Place:
    """The lists and quotes around a leaf."""

    quote: int = 0  # how many quotes
    quote_id: int = 0  # which outermost quote that is, to tell neighbours apart; 0 outside
    levels: tuple[bool, ...] = ()  # for each list, outermost first, whether it is ordered
    is_small: bool = False  # it belongs to a footnote


TOP = Place()


@dataclass(slots=True)
class Grid:
    """A table as text."""

    lines: list[str]  # header, rule and rows
    urls: list[str]  # addresses of the links in its cells, by number
    columns: int  # its display width


@dataclass(slots=True)
class Leaf:
    """One piece of a message."""

    kind: LeafKind  # what it is
    runs: list[Run]  # content of a text or heading: text, code and breaks only
    place: Place  # what is around it
    gap: int = 2  # line feeds between the leaf before and this one
    marker: str = ""  # on the first leaf of an item, `-` or its number with a dot
    checked: bool | None = None  # state of a task, on the first leaf of its item
    block: Code | Table | Grid | None = None  # the code or table; a `Grid` once a table is drawn as text
    level: int = 0  # of a heading, 1 to 6
    drawn: Any = None  # the leaf as the dialect writes it, where that has been done already to learn its size


def bold(runs: list[Run]) -> list[Run]:
    """The runs as one bold stretch."""
    span = Span("strong")
    return [Run(run.kind, run.text, (span, *(inner for inner in run.spans if inner.kind != "strong"))) for run in runs]
