"""Repairs to the dialect models write, made on the source before the parse, and the way back from them.

All but those of fences leave private-use characters in the source, so that the parser's output can be told from, and
turned back to, what was written: code stays verbatim.
"""

import re
from dataclasses import dataclass, field

from glados_bots.markdown.fences import Edit, mend_fences
from glados_bots.markdown.repairs import FORMULA_MARKS, MEANINGS, PRIVATE, REPAIRS

_NEWLINES = re.compile("\r\n?")


@dataclass(slots=True)
class Mended:
    """Mended source, and the way back to the text it came from.

    Attributes:
        text: what the parser shall read.
        edits: (start, end, replacement) in the source, in order.
        unsettled: offset in the source from which later text may change how earlier text is mended.
    """

    text: str
    edits: list[Edit] = field(default_factory=list)
    unsettled: int | None = None

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
    """Apply the repairs.

    Args:
        text: source that went through `readable`.

    Returns:
        The mended source with its edits.
    """
    edits: list[Edit] = []
    unsettled = None
    if "`" in text or "~" in text:
        unsettled = mend_fences(text, edits)
    for repair in REPAIRS:
        edits += repair(text)
    if not edits:
        return Mended(text, [], unsettled)
    edits.sort()
    pieces, position = [], 0
    for start, end, replacement in edits:
        pieces += [text[position:start], replacement]
        position = end
    pieces.append(text[position:])
    return Mended("".join(pieces), edits, unsettled)


def without_marks(text: str, *, verbatim: bool) -> str:
    """Take our private characters out of what the parser returned.

    Args:
        text: content of a text, code or math event.
        verbatim: as in code: give back the very characters that stood there.

    Returns:
        The text as the writer meant it.
    """
    slash = "\\" if verbatim else ""
    for mark, original in FORMULA_MARKS:
        text = text.replace(mark, slash + original)
    return text.translate(MEANINGS)


def has_marks(text: str) -> bool:
    """Whether `mend` left private characters."""
    return not text.isascii() and PRIVATE.search(text) is not None
