"""The tree every renderer reads: blocks that hold blocks, and leaves that hold inline runs.

Inline content is flat: a list of `Run`s, each with the stack of `Span`s (emphasis, links) around it, outermost first.
Flat runs can be cut anywhere and re-opened, which a nested tree makes hard; the nesting is still all there, because
spans are compared by identity: two neighbours in the same `<em>` share one `Span` object.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

# Of a code block: in braces, as notebooks have it, or before a file's name, as editors have it.
_LANGUAGE = re.compile(r"\s*(?:\{\s*\.?([A-Za-z][\w+#.-]*)[^{}]*\}|([A-Za-z][\w+#-]*)[:=,{])")
SpanKind = Literal["strong", "em", "strike", "link"]
RunKind = Literal["text", "code", "soft", "hard", "image", "math", "display", "note", "html"]


@dataclass(slots=True, eq=False)
class Span:
    """What surrounds a run."""

    kind: SpanKind  # the style, or `link`
    url: str = ""  # the target as written, of a link
    title: str = ""  # the tooltip, of a link
    bare: bool = False  # the link was an address standing in the text

    @property
    def may_mislead(self) -> bool:
        """Whether a link's label could name another host: an address does by a user's name or other letters."""
        return not self.bare or "@" in self.url or not self.url.isascii()


Spans = tuple[Span, ...]


@dataclass(slots=True)
class Run:
    """A stretch of inline content of one kind and style."""

    kind: RunKind  # `soft` and `hard` are line breaks, `display` is a formula on its own line, `note` a footnote's mark
    text: str  # what is read: the text, the code, the LaTeX, an image's description, a tag, a footnote's label
    spans: Spans = ()  # what surrounds it, outermost first


@dataclass(slots=True)
class Image(Run):
    """A run of kind `image`: its address and its tooltip. Most runs are none, and made faster without these."""

    url: str = ""
    title: str = ""


@dataclass(slots=True)
class Paragraph:
    """Prose; `tight` where it stands in a list without blank lines."""

    runs: list[Run]
    tight: bool = False


@dataclass(slots=True)
class Heading:
    """A heading of level 1 to 6."""

    level: int
    runs: list[Run]


@dataclass(slots=True)
class Code:
    """A code block. `info` is all that stood behind the opening fence; the language is its first word."""

    info: str
    text: str

    @property
    def language(self) -> str:
        """The language in the info string (`python`, `{python}`, `{.python .x}`, `python:app.py`), or an empty text."""
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
    """A list item; `checked` is None where it is no task, `number` where it has a bullet."""

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
    """A table: `rows[0]` is the header; every row has as many cells as `aligns` has entries."""

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
    """A footnote's text."""

    label: str
    blocks: list[Block]


@dataclass(slots=True)
class Document:
    """A parsed text; its footnotes are in the order of their first mark, those never marked last."""

    blocks: list[Block]  # at the top level, in order
    starts: list[int] = field(default_factory=list)  # of each of them, as UTF-8 bytes of the mended source
    notes: list[Note] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)  # labels of the footnotes marked in the text, in order
    _numbers: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def number(self, label: str) -> int:
        """The number readers see for a footnote, counted from 1."""
        if not self._numbers:
            labels = dict.fromkeys([*self.marks, *(note.label for note in self.notes)])
            self._numbers = {each: index for index, each in enumerate(labels, 1)}
        return self._numbers[label]
