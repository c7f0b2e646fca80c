"""Finds the code in a message of Discord. Mentions, emoji and times do not exist in code."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

_TICKS = re.compile("`+")
FENCE = "```"


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, and whether each is code. Back-ticks belong to the code. Takes linear time."""
    done = 0
    for start, end in _spans(text):
        yield text[done:start], False
        yield text[start:end], True
        done = end
    yield text[done:], False


def without_code(text: str) -> str:
    """The text with a space in place of each piece of code."""
    return "".join(" " if is_code else piece for piece, is_code in pieces(text))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    runs = [match.span() for match in _TICKS.finditer(text)]
    starts: dict[int, list[int]] = defaultdict(list)  # length of a run of back-ticks -> offsets where such runs begin
    for start, end in runs:
        starts[end - start].append(start)
    done = 0
    for start, end in runs:
        if start < done:
            continue
        closed = _fence_end(text, start, end) or _inline_end(starts, start, end)
        if closed:
            yield start, closed
            done = closed


def _fence_end(text: str, start: int, end: int) -> int:
    """The end of the code block that begins with this run; 0 if none begins here."""
    if end - start < len(FENCE):
        return 0
    found = text.find(FENCE, start + len(FENCE) + 1)
    return found + len(FENCE) if found > 0 else 0


def _inline_end(starts: Mapping[int, Sequence[int]], start: int, end: int) -> int:
    """The end of the inline code that begins with this run, or else with a part of it; 0 if none begins here."""
    for length in range(end - start, 0, -1):
        same = starts.get(length, ())
        index = bisect_right(same, start)
        if index < len(same):
            return same[index] + length
    return 0
