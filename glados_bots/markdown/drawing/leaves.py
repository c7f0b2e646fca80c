"""The pieces of a chat message, each with the lists and quotes around it."""

from dataclasses import dataclass
from typing import Any, Literal

from glados_bots.markdown.tree import Code, Run, Span, Table

LeafKind = Literal["text", "heading", "code", "table", "rule"]


@dataclass(slots=True, frozen=True)
class Place:
    """The lists and quotes around a leaf."""

    quote: int = 0  # number of quotes
    quote_id: int = 0  # id of the outermost quote, to distinguish neighbours; 0 outside of quotes
    levels: tuple[bool, ...] = ()  # for each list, outermost first: whether it is ordered
    is_small: bool = False  # whether it belongs to a footnote


TOP = Place()


@dataclass(slots=True)
class Grid:
    """A table as text."""

    lines: list[str]  # header, rule and rows
    urls: list[str]  # addresses of the links in its cells, in the order of their numbers
    columns: int  # display width


@dataclass(slots=True)
class Leaf:
    """One piece of a message."""

    kind: LeafKind
    runs: list[Run]  # content of a text or heading: only text, code and breaks
    place: Place  # the lists and quotes around it
    gap: int = 2  # line feeds between the previous leaf and this one
    marker: str = ""  # on the first leaf of an item: `-`, or the number with a dot
    checked: bool | None = None  # on the first leaf of a task: whether it is done
    block: Code | Table | Grid | None = None  # the code or table; a `Grid` once a table is drawn as text
    level: int = 0  # level of a heading, 1 to 6
    drawn: Any = None  # the leaf as the dialect writes it, if it was already drawn to learn its size


def bold(runs: list[Run]) -> list[Run]:
    """The runs as one bold stretch."""
    span = Span("strong")
    return [Run(run.kind, run.text, (span, *(inner for inner in run.spans if inner.kind != "strong"))) for run in runs]
