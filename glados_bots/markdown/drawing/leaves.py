"""One piece of a chat message, with the lists and quotes around it."""

from dataclasses import dataclass
from typing import Any, Literal

from glados_bots.markdown.tree import Code, Run, Span, Table

LeafKind = Literal["text", "heading", "code", "table", "rule"]


@dataclass(slots=True, frozen=True)
class Place:
    """The lists and quotes around a leaf.

    Attributes:
        quote: how many quotes.
        quote_id: which outermost quote that is, to tell neighbours apart; 0 outside.
        levels: for each list, outermost first, whether it is ordered.
        is_small: it belongs to a footnote.
    """

    quote: int = 0
    quote_id: int = 0
    levels: tuple[bool, ...] = ()
    is_small: bool = False


TOP = Place()


@dataclass(slots=True)
class Grid:
    """A table as text.

    Attributes:
        lines: header, rule and rows.
        urls: addresses of the links in its cells, by number.
        columns: its display width.
    """

    lines: list[str]
    urls: list[str]
    columns: int


@dataclass(slots=True)
class Leaf:
    """One piece of a message.

    Attributes:
        kind: what it is.
        runs: content of a text or heading: text, code and breaks only.
        place: what is around it.
        gap: line feeds between the leaf before and this one.
        marker: on the first leaf of an item, `-` or its number with a dot.
        checked: state of a task, on the first leaf of its item.
        block: the code or table; a `Grid` once a table is drawn as text.
        level: of a heading, 1 to 6.
        drawn: the leaf as the dialect writes it, where that has been done already to learn its size.
    """

    kind: LeafKind
    runs: list[Run]
    place: Place
    gap: int = 2
    marker: str = ""
    checked: bool | None = None
    block: Code | Table | Grid | None = None
    level: int = 0
    drawn: Any = None


def bold(runs: list[Run]) -> list[Run]:
    """The runs as one bold stretch."""
    span = Span("strong")
    return [Run(run.kind, run.text, (span, *(inner for inner in run.spans if inner.kind != "strong"))) for run in runs]
