r"""Repairs to the dialect models write, made on the source before the parse.

Fences (see `fences`); `\(…\)` and `\[…\]` become `$…$` and `$$…$$`; a line of a formula such as `=` is no underline
or item; emphasis beside CJK text and punctuation is made to work; `_` and `*` within a bare address are part of it.
All but the first leave private-use characters in the source, so that the parser's output can be told from, and turned
back to, what was written: code stays verbatim.
"""

import re
import unicodedata
from dataclasses import dataclass, field

from glados_bots.markdown.autolink import without_trailing
from glados_bots.markdown.fences import Edit, mend_fences

# Neither space nor punctuation to the parser: put between `*` and CJK punctuation it lets the `*` open or close.
SENTINEL = "\ue0f1"
_OPEN, _CLOSE, _OPEN_DISPLAY, _CLOSE_DISPLAY = "\ue0f2", "\ue0f3", "\ue0f4", "\ue0f5"
_STAND_INS = {"*": "\ue0f6", "_": "\ue0f7", "~": "\ue0f8"}
_PRIVATE = re.compile("[\ue0f1-\ue0f8]")
_MEANINGS = {
    **dict.fromkeys(map(ord, (SENTINEL, _OPEN, _CLOSE, _OPEN_DISPLAY, _CLOSE_DISPLAY))),
    **{ord(stand_in): marker for marker, stand_in in _STAND_INS.items()},
}

_INLINE_MATH = re.compile(r"(?<!\\)\\\(((?:[^\\\n]|\n(?![ \t]*\n)|\\[^()\[\]\n])+?)\\\)")
_DISPLAY_MATH = re.compile(r"(?<!\\)\\\[((?:[^\\\n]|\n(?![ \t]*\n)|\\[^()\[\]\n])+?)\\\]")
_WORD = re.compile(r"[^\W_]")
_FORMULA = re.compile(r"(?<=\$\$\n)(?:[^\n$]+\n)+?(?=[ \t]*\$\$)|(?<=\\\[\n)(?:[^\n$]+\n)+?(?=[ \t]*\\\])")
_BLOCK_LINE = re.compile(r"^[ \t]*(?=[-+*#=>|]|\d+[.)])", re.MULTILINE)
# A marker just before an address closes behind it, and so is no part of it.
_ADDRESS = re.compile(r"(?P<bracket>[(\[]?)(?P<around>[*_~]*)https?://(?P<rest>[^\s<>`]+)", re.ASCII | re.IGNORECASE)
_MARKERS = re.compile(r"[*~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_STARS = re.compile(r"(?<![\\*~])(?:\*+|~~)(?![*~])")
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u303f\u3040-\u31ff\u3200-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f"
    "\uff01-\uffee\U00020000-\U0003ffff]"
)
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
    """Line feeds only, no NUL, no half of a surrogate pair, and none of our private characters."""
    if "\r" in text:
        text = _NEWLINES.sub("\n", text)
    if not text.isascii():
        text = _PRIVATE.sub("\ufffd", text)
        if not text.isprintable():
            text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
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
    if "```" in text or "~~~" in text:
        unsettled = mend_fences(text, edits)
    if "\\(" in text or "\\[" in text:
        edits += _math_edits(text)
    if "$$\n" in text or "\\[\n" in text:
        for formula in _FORMULA.finditer(text):
            edits += [(line.end(), line.end(), SENTINEL) for line in _BLOCK_LINE.finditer(text, *formula.span())]
    if "://" in text:
        _address_edits(text, edits)
    if "*" in text or "~~" in text:
        _star_edits(text, edits)
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
    for mark, original in (
        ("$" + _OPEN, slash + "("),
        (_CLOSE + "$", slash + ")"),
        ("$$" + _OPEN_DISPLAY, slash + "["),
        (_CLOSE_DISPLAY + "$$", slash + "]"),
    ):
        text = text.replace(mark, original)
    return text.translate(_MEANINGS)


def has_marks(text: str) -> bool:
    """Whether `mend` left private characters."""
    return not text.isascii() and _PRIVATE.search(text) is not None


def _math_edits(text: str) -> list[Edit]:
    edits = []
    patterns = ((_DISPLAY_MATH, "$$" + _OPEN_DISPLAY, _CLOSE_DISPLAY + "$$"), (_INLINE_MATH, "$" + _OPEN, _CLOSE + "$"))
    for pattern, opener, closer in patterns:
        for match in pattern.finditer(text):
            if "$" in match[1] or not _WORD.search(match[1]):
                continue
            if pattern is _DISPLAY_MATH and not _stands_alone(text, match):
                continue
            edits += [(match.start(), match.start() + 2, opener), (match.end() - 2, match.end(), closer)]
    return edits


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    r"""Only a formula has its own lines; `\[x\]` within a sentence is a pair of escaped brackets."""
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    after = text[match.end() : match.end() + 1]
    return not before.strip(" \t>-*0123456789.)") and after in {"", "\n", " ", ".", ",", ";"}


def _address_edits(text: str, edits: list[Edit]) -> None:
    for match in _ADDRESS.finditer(text):
        rest = match["rest"]
        if not _MARKERS.search(rest):
            continue
        if match["around"]:
            rest = rest.partition(match["around"])[0]
        if match["bracket"]:
            rest = rest[: _end_of_brackets(rest)]
        end = match.start("rest") + len(without_trailing(rest))
        edits += [
            (marker.start(), marker.end(), _STAND_INS[marker[0]])
            for marker in _MARKERS.finditer(text, match.start("rest"), end)
        ]


def _end_of_brackets(address: str) -> int:
    depth = 0
    for place, character in enumerate(address):
        depth += (character in "([") - (character in ")]")
        if depth < 0:
            return place
    return len(address)


def _star_edits(text: str, edits: list[Edit]) -> None:
    if text.isascii() or not _CJK.search(text):
        return
    for match in _STARS.finditer(text):
        before = text[match.start() - 1 : match.start()]
        after = text[match.end() : match.end() + 1]
        if not before.strip() or not after.strip():
            continue
        cjk_before, cjk_after = _CJK.match(before), _CJK.match(after)
        if not cjk_before and not cjk_after:
            continue
        if _is_punctuation(before):
            edits.append((match.start(), match.start(), SENTINEL))
        if _is_punctuation(after):
            edits.append((match.end(), match.end(), SENTINEL))


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"
