"""The tree that every renderer reads: blocks that contain blocks, and leaves that contain inline runs.

Inline content is flat: a list of `Run`s, each with the stack of `Span`s (emphasis, links) around it, outermost first.
Renderers can cut flat runs anywhere and re-open the spans, which is hard in a nested tree. The nesting is not lost,
because spans are compared by identity: two neighbours in the same `<em>` share one `Span` object.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

# The language of a code block: in braces, as in notebooks, or before a file name, as in editors.
_LANGUAGE = re.compile(r"\s*(?:\{\s*\.?([A-Za-z][\w+#.-]*)[^{}]*\}|([A-Za-z][\w+#-]*)[:=,{])")
SpanKind = Literal["strong", "em", "strike", "link"]
RunKind = Literal["text", "code", "soft", "hard", "image", "math", "display", "note", "html"]


@dataclass(slots=True, eq=False)
class Span:
    """A style or link around a run."""

    kind: SpanKind  # the style, or `link`
    url: str = ""  # of a link: the target as written
    title: str = ""  # of a link: the tooltip
    bare: bool = False  # of a link: whether it was a bare address in the text

    @property
    def may_mislead(self) -> bool:
        """Whether the label could name another host. A bare address can, by a user name or by non-ASCII letters."""
        return not self.bare or "@" in self.url or not self.url.isascii()


Spans = tuple[Span, ...]


@dataclass(slots=True)
class Run:
    """A stretch of inline content of one kind and style."""

    kind: RunKind  # `soft` and `hard` are line breaks, `display` is a formula on its own line, `note` a footnote's mark
    text: str  # the text, the code, the LaTeX, an image's description, a tag, or a footnote's label
    spans: Spans = ()  # the spans around it, outermost first


@dataclass(slots=True)
class Image(Run):
    """A run of kind `image`, with address and tooltip. Other runs have no such fields, so creating them is faster."""

    url: str = ""
    title: str = ""


@dataclass(slots=True)
class Paragraph:
    """Prose; `tight` in a list without blank lines."""

    runs: list[Run]
    tight: bool = False


@dataclass(slots=True)
class Heading:
    """A heading of level 1 to 6."""

    level: int
    runs: list[Run]


@dataclass(slots=True)
class Code:
    """A code block. `info` is everything after the opening fence; its first word is the language."""

    info: str
    text: str

    @property
    def language(self) -> str:
        """The language in the info string (`python`, `{python}`, `{.python .x}`, `python:app.py`); empty if none."""
        words = self.info.split(maxsplit=1)
        match = _LANGUAGE.match(self.info) if words else None
        return (match[1] or match[2]) if match else words[0] if words else ""


@dataclass(slots=True)
class Quote:
    """A block quote; `alert` names GitHub's kinds (Note, Tip, Important, Warning, Caution)."""

    blocks: list["Block"]
    alert: str = ""


@dataclass(slots=True)
class Item:
    """A list item; `checked` is None unless it is a task, `number` is None if it has a bullet."""

    blocks: list["Block"]
    checked: bool | None = None
    number: int | None = None


@dataclass(slots=True)
class List:
    """A list; `start` is the first number, or None for bullets."""

    start: int | None
    items: list[Item]


@dataclass(slots=True)
class Table:
    """A table. `rows[0]` is the header; every row has as many cells as `aligns` has entries."""

    aligns: tuple[str, ...]
    rows: list[list[list[Run]]]


@dataclass(slots=True)
class Rule:
    """A thematic break."""


@dataclass(slots=True)
class Html:
    """A block of raw HTML."""

    text: str


Block = Paragraph | Heading | Code | Quote | List | Table | Rule | Html


@dataclass(slots=True)
class Note:
    """The text of a footnote."""

    label: str
    blocks: list[Block]


@dataclass(slots=True)
class Placed:
    """Where a code block or a table is, at any depth. Places count as those of the document's `starts`."""

    block: Code | Table
    start: int  # of its first character, after the marks of the quotes and items around it
    end: int
    before: Block | None  # the block before it in the same quote, item or document
    is_indented: bool = False  # whether its lines are code without a fence
    rows: list[int] = field(default_factory=list)  # the start of each row of a table


@dataclass(slots=True)
class Document:
    """A parsed text. Its footnotes are in the order of their first marks; footnotes without a mark come last."""

    blocks: list[Block]  # top-level blocks, in order
    starts: list[int] = field(default_factory=list)  # start of each block, in UTF-8 bytes of the repaired source
    notes: list[Note] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)  # labels of the footnotes marked in the text, in order
    placed: list[Placed] = field(default_factory=list)  # code blocks and tables, in order
    _numbers: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def number(self, label: str) -> int:
        """The number that readers see for a footnote, counted from 1."""
        if not self._numbers:
            labels = dict.fromkeys([*self.marks, *(note.label for note in self.notes)])
            self._numbers = {each: index for index, each in enumerate(labels, 1)}
        return self._numbers[label]
