"""Cuts a leaf that is too large for a message into two parts, each of which can stand alone."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from wcwidth import grapheme_boundary_before

from glados_bots.markdown.drawing.leaves import Leaf
from glados_bots.markdown.tree import Code, Run

# How often to guess the cut from the size of a prefix, before bisecting.
_GUESSES = 4
# Text that a platform could read as one mention, emoji or time, however it is escaped.
_LONGEST_MENTION = 80
_MENTION = re.compile(rf"<[@#!:/A-Za-z][^<>\s]{{0,{_LONGEST_MENTION}}}>")

Drawn = TypeVar("Drawn")
Message = TypeVar("Message")
Message_co = TypeVar("Message_co", covariant=True)


class MessageDialect(Protocol[Drawn, Message_co]):
    """What cutting needs to know about a platform."""

    def expand(self, leaf: Leaf, limit: int) -> list[Leaf]:
        """Replace a table by leaves that the platform can show. The first one needs no further expansion."""

    def draw(self, leaf: Leaf) -> Drawn: ...

    def size(self, drawn: Drawn) -> int:
        """The space that `drawn` needs in a message, in the unit of the limit."""

    def fits_beside(self, before: list[tuple[Leaf, Drawn]], leaf: Leaf) -> bool:
        """Whether a message with `before` may also hold this leaf, regardless of its size."""

    def join(self, parts: list[tuple[Leaf, Drawn]]) -> Message_co: ...


def split(leaf: Leaf, room: int, dialect: MessageDialect[Drawn, Message]) -> tuple[Leaf, Leaf | None]:
    """Cut a text, heading or code that is too large for an empty message.

    Returns the first part, whose size is at most `room`, and the rest, or None.
    """
    if leaf.kind == "code" and isinstance(leaf.block, Code):
        return _split_code(leaf, leaf.block, room, dialect)
    return _split_text(leaf, room, dialect)


def _split_code(
    leaf: Leaf, block: Code, room: int, dialect: MessageDialect[Drawn, Message]
) -> tuple[Leaf, Leaf | None]:
    def part(text: str) -> Leaf:
        return replace(leaf, block=Code(block.info, text))

    def size_of(candidate: Leaf) -> int:
        return dialect.size(dialect.draw(candidate))

    if size_of(part("")) > room // 2:  # do not repeat an endless info string
        block = Code("", block.text)
    count = _most(block.text, room, lambda size: size_of(part(block.text[:size])))
    window = block.text[: count + 1]
    end = window.rfind("\n")
    if end > 0:
        return part(block.text[:end]), part(block.text[end + 1 :])
    end = _whole_graphemes(block.text, count)
    return part(block.text[:end]), part(block.text[end:])


def _split_text(leaf: Leaf, room: int, dialect: MessageDialect[Drawn, Message]) -> tuple[Leaf, Leaf | None]:
    runs = _take(leaf.runs, room + _LONGEST_MENTION)
    text = "".join([run.text or "\0" for run in runs])

    def part(size: int) -> Leaf:
        return replace(leaf, runs=_take(runs, size))

    count = _most(text, room, lambda size: dialect.size(dialect.draw(part(size))))
    end = _boundary(runs, text, count)
    if end <= 0:
        if leaf.runs and any(span.kind == "link" for span in leaf.runs[0].spans):
            return _without_link(leaf), None  # the address is longer than a message: keep only its label
        end = _whole_graphemes(text, count)
    rest = _strip_start(_drop(leaf.runs, end))
    if not rest:
        return part(end), None
    return part(end), replace(leaf, runs=rest, marker="", checked=None, gap=1)


def _most(text: str, room: int, size_of: Callable[[int], int]) -> int:
    """The length of the largest prefix that fits, at most `room` characters: first by proportion, then by bisection."""
    low, high = 0, min(len(text), room)
    middle, guesses = high, _GUESSES
    while low < high:
        size = size_of(middle)
        if size <= room:
            low = middle
        else:
            high = middle - 1
        guess = middle * room // max(1, size) if guesses else (low + high + 1) // 2
        middle = min(max(guess, low + 1), high)
        guesses -= 1 if guesses else 0
    return low


def _boundary(runs: list[Run], text: str, count: int) -> int:
    """The best place to cut at or before `count`: the end of a line or sentence, or a space; 0 if there is none."""
    atoms = _atoms(runs)
    newline = text.rfind("\n", 0, count + 1)
    sentence = max(
        text.rfind(mark, 0, count) + 1 for mark in (". ", "! ", "? ", ": ", "; ", "\u3002", "\uff01", "\uff1f")
    )
    space = text.rfind(" ", 0, count + 1)
    places = [place for place in (newline, sentence) if place > count // 2] + [space, newline]
    for place in places:
        end = place
        while end > 0 and (atom := next((start for start, stop in atoms if start < end < stop), None)) is not None:
            end = atom
        if end > 0 and text[:end].strip():
            return end
    starts = [start for start, stop in atoms if start < count < stop and text[:start].strip()]
    return starts[0] if starts else 0


def _atoms(runs: list[Run]) -> list[tuple[int, int]]:
    """(start, end) of each link, inline code and mention, which should not be cut if possible."""
    atoms: list[tuple[int, int]] = []
    position = 0
    last_link = None
    for run in runs:
        end = position + max(1, len(run.text))
        link = next((span for span in run.spans if span.kind == "link"), None)
        if link is not None and link is last_link:
            atoms[-1] = (atoms[-1][0], end)
        elif link is not None or run.kind == "code":
            atoms.append((position, end))
        elif "<" in run.text:
            atoms += [(position + match.start(), position + match.end()) for match in _MENTION.finditer(run.text)]
        last_link, position = link, end
    return atoms


def _whole_graphemes(text: str, count: int) -> int:
    """The end of the last whole grapheme within `count` characters. If the first grapheme is longer, it is cut."""
    end = grapheme_boundary_before(text, count + 1) if count < len(text) else count
    return end or max(1, count)


def _take(runs: list[Run], size: int) -> list[Run]:
    taken: list[Run] = []
    for run in runs:
        if size <= 0:
            break
        length = max(1, len(run.text))
        taken.append(run if length <= size else replace(run, text=run.text[:size]))
        size -= length
    return taken


def _drop(runs: list[Run], size: int) -> list[Run]:
    for index, run in enumerate(runs):
        length = max(1, len(run.text))
        if size < length:
            return [replace(run, text=run.text[size:]) if size else run, *runs[index + 1 :]]
        size -= length
    return []


def _strip_start(runs: list[Run]) -> list[Run]:
    while runs and runs[0].kind in {"soft", "hard", "text"} and not runs[0].text.strip():
        runs = runs[1:]
    return runs


def _without_link(leaf: Leaf) -> Leaf:
    link = next(span for span in leaf.runs[0].spans if span.kind == "link")
    return replace(leaf, runs=[replace(run, spans=tuple(s for s in run.spans if s is not link)) for run in leaf.runs])
