"""Repairs to the dialect models write, made on the source before the parse, and the way back from them.

All but those of fences leave private-use characters in the source, so that the parser's output can be told from, and
turned back to, what was written: code stays verbatim.
"""

import re
from collections.abc import Callable
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
    """Mended source, and the way back to the text it came from."""

    text: str  # what the parser shall read
    edits: list[Edit] = field(default_factory=list)  # (start, end, replacement) in the source, in order
    unsettled: int | None = None  # offset in the source from which later text may change how earlier text is mended

    def source_offset(self, offset: int) -> int:
        """Translate an offset in `text` to one in the source."""
        shift = 0
        for start, end, replacement in self.edits:
            if start + shift >= offset:
                break
            shift += len(replacement) - (end - start)
        return offset - shift


def readable(text: str) -> str:
    """Line feeds only, no NUL, pairs of surrogates joined, no half of one, and none of our private characters."""
    if "\r" in text:
        text = _NEWLINES.sub("\n", text)
    if not text.isascii():
        text = PRIVATE.sub("\ufffd", text)
        if not text.isprintable():
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", "\ufffd")


def mend(text: str) -> Mended:
    """Apply the repairs to a source that went through `readable`."""
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
        if start < position:  # it stands within what another one has replaced
            continue
        pieces += [text[position:start], replacement]
        position = end
        made.append(edit)
    pieces.append(text[position:])
    return Mended("".join(pieces), made, unsettled)


def _first(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else min(one, other)
