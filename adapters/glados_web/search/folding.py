"""Text without case, accents and widths: `resume` finds `Résumé`, `strasse` finds `Straße`, and `ABC` finds `ＡＢＣ`.

Marks that make another letter stay, such as the vowel signs of Thai and the voicing marks of Japanese.
"""

import re
import unicodedata


def _is_accent(letter: str) -> bool:
    """By canonical combining class: points of Hebrew and Arabic (10 to 36), and marks above or below (from 200)."""
    place = unicodedata.combining(letter)
    return place >= 200 or 10 <= place <= 36  # noqa: PLR2004 - as the docstring says


_MARKS = "".join(filter(_is_accent, map(chr, [*range(0x300, 0x3000), *range(0xFE20, 0xFE30)])))
_ACCENTS = re.compile(f"[{_MARKS}]+")
_PIECE = 500


def fold(text: str) -> str:
    """Return the text as we compare it. Folding two texts one by one, or joined, gives the same.

    The library sorts the marks of a letter in time that is quadratic in their number. So it gets short pieces.
    """
    if text.isascii():
        return text.lower()
    if len(text) > _PIECE:
        return "".join(fold(text[start : start + _PIECE]) for start in range(0, len(text), _PIECE))
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()


def offsets(text: str) -> list[int]:
    """For each character of the folded text, the offset in `text` of the character that it comes from."""
    return [index for index, letter in enumerate(text) for _ in fold(letter)]


def unfolded(text: str, offset: int) -> int:
    """Return the offset in `text` of a character of the folded text. It reads only one piece letter by letter."""
    for start in range(0, len(text), _PIECE):
        piece = text[start : start + _PIECE]
        length = len(fold(piece))
        if offset < length:
            return start + offsets(piece)[offset]
        offset -= length
    return len(text)
