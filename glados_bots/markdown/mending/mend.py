"""Repairs the dialect that models write, in the source before the parse, and maps offsets back to the original.

All repairs except those of fences leave private-use characters in the source. With these, the original text can be
restored from the parser's output, so that code stays verbatim.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from glados_bots.markdown.fences import Edit, mend_fences
from glados_bots.markdown.marks import PRIVATE
from glados_bots.markdown.mending.html_repairs import mend_tags, scheme_edits, slack_link_edits
from glados_bots.markdown.mending.repairs import (
    address_edits,
    dollar_edits,
    label_edits,
    line_edits,
    math_edits,
    mention_edits,
    star_edits,
)
from glados_bots.markdown.mending.tables import table_edits

_NEWLINES = re.compile("\r\n?")
_REPAIRS: tuple[Callable[[str], list[Edit]], ...] = (
    math_edits,
    label_edits,
    line_edits,
    mention_edits,
    dollar_edits,
    address_edits,
    star_edits,
    scheme_edits,
    slack_link_edits,
    table_edits,
)


@dataclass(slots=True)
class Mended:
    """The repaired source, with the edits that lead back to the original."""

    text: str  # the text for the parser
    edits: list[Edit] = field(default_factory=list)  # (start, end, replacement) in the source, in order
    unsettled: int | None = None  # offset in the source after which more text may still change the repairs

    def source_offset(self, offset: int) -> int:
        """Translate an offset in `text` to one in the source."""
        return self.source_offsets([offset])[0]

    def source_offsets(self, offsets: Sequence[int]) -> list[int]:
        """Translate ascending offsets in `text` to offsets in the source."""
        found, shift, edits = [], 0, iter(self.edits)
        edit = next(edits, None)
        for offset in offsets:
            while edit and edit[0] + shift < offset:
                shift += len(edit[2]) - (edit[1] - edit[0])
                edit = next(edits, None)
            found.append(offset - shift)
        return found


def readable(text: str) -> str:
    """The text with line feeds only, surrogate pairs joined, and without NUL, half pairs and our private characters."""
    if "\r" in text:
        text = _NEWLINES.sub("\n", text)
    if not text.isascii():
        text = PRIVATE.sub("\ufffd", text)
        if not text.isprintable():
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", "\ufffd")


def mend(text: str) -> Mended:
    """Repair a source that `readable` has cleaned."""
    edits: list[Edit] = []
    unsettled = None
    if "`" in text or "~" in text:
        unsettled = mend_fences(text, edits)
    if "<" in text:
        unsettled = _first(unsettled, mend_tags(text, edits))
    for repair in _REPAIRS:
        edits += repair(text)
    if not edits:
        return Mended(text, [], unsettled)
    edits.sort()
    pieces, position = [], 0
    made: list[Edit] = []
    for edit in edits:
        start, end, replacement = edit
        if start < position:  # it is inside text that another edit replaced
            continue
        pieces += [text[position:start], replacement]
        position = end
        made.append(edit)
    pieces.append(text[position:])
    return Mended("".join(pieces), made, unsettled)


def _first(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else min(one, other)
