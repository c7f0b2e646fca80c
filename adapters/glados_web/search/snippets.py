"""The words around a place that was found, with the words that were searched for marked in them."""

import re
from collections.abc import Sequence

from glados_web.search.folding import fold, offsets, unfolded

BEFORE = 40  # characters before the first word that was found
LENGTH = 160
Piece = tuple[str, bool]  # text, and whether it is marked
# Marks of markdown that say nothing in a snippet: emphasis, code, and what begins lines and cells.
_MARKUP = re.compile(r"\*\*|~~|`+|(?<!\S)(?:[#>|*+-]+|:?-+:?)(?!\S)")


def snippet(text: str, words: Sequence[str]) -> list[Piece]:
    """Return the words around the first place of any of these folded words; the beginning if there is none."""
    folded = fold(text)
    places = [place for place in map(folded.find, words) if place >= 0]
    start, end = _cut(text, unfolded(text, min(places)) if places else 0)
    line = " ".join(_readable(text[start:end], words).split())
    return [("…", False)] * (start > 0) + _marked(line, words) + [("…", False)] * (end < len(text))


def _readable(text: str, words: Sequence[str]) -> str:
    """Return the text without marks of markdown, unless one of them was searched for."""
    return text if any(_MARKUP.search(word) for word in words) else _MARKUP.sub("", text)


def _cut(text: str, place: int) -> tuple[int, int]:
    """Return where the snippet begins and ends: between words if there is a space near."""
    start = max(0, place - BEFORE)
    if start:
        space = text.find(" ", start, place)
        start = space + 1 if space >= 0 else start
    end = min(len(text), start + LENGTH)
    if end < len(text):
        space = text.rfind(" ", place + BEFORE, end)
        end = space if space >= 0 else end
    return start, end


def _marked(line: str, words: Sequence[str]) -> list[Piece]:
    """Split a short line into marked and other pieces."""
    of = [*offsets(line), len(line)]
    found = re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True)))) if words else re.compile("(?!)")
    pieces, end = list[Piece](), 0
    for match in found.finditer(fold(line)):
        first, after = of[match.start()], _end(of, match.end() - 1)
        if first >= end:
            pieces += [(line[end:first], False), (line[first:after], True)]
            end = after
    pieces.append((line[end:], False))
    return [piece for piece in pieces if piece[0]]


def _end(of: list[int], last: int) -> int:
    """Return where the letter of a folded character ends, with the accents after it."""
    return next((each for each in of[last + 1 :] if each > of[last]), of[-1])
