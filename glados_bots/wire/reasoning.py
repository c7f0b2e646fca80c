"""Takes the reasoning of a model apart from its answer, and shows it as a quote. Finds marks even if tokens cut them.

Only a mark at the very beginning counts: an answer that speaks about `<think>` keeps it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from glados_bots.wire.events import Delta, Thought

MARKS = ("<think>", "</think>")
TALK = frozenset(" `\"'(")  # characters before a mark that the answer speaks about
LONGEST_PAUSE = 1_000  # characters of white space before or in reasoning that are looked through for a mark
MOST_KEPT = 50  # marks that an answer speaks about; further ones are not checked

Piece = Thought | Delta


class Reasoning:
    """Splits the text of one answer: `feed` text as it comes, and `close` at the end. Both return the pieces.

    White space around the reasoning belongs to nothing.

    Args:
        marks: the strings that open and close the reasoning.
        begun: whether the prompt ended with the opening mark, as in some chat templates.
    """

    def __init__(self, marks: tuple[str, str] = MARKS, *, begun: bool = False) -> None:
        self._open, self._close = marks
        self.is_inside = self.has_begun = begun  # the reasoning
        self._undecided = not begun  # only white space came so far
        self._held = ""
        self._thinks = False  # the first word of the reasoning has come
        self._trim = begun  # the answer's first words have not come yet; empty lines before them are removed

    def feed(self, text: str) -> list[Piece]:
        self._held += text
        if self._undecided:
            self._decide()
        thought = self._thoughts() if self.is_inside else []
        return thought if self._undecided or self.is_inside else thought + self._answer()

    def think(self, text: str) -> list[Piece]:
        """Reasoning that the server sends in a field of its own, before the answer. A mark in it is part of it."""
        self._undecided = False
        self.is_inside = self.has_begun = self._trim = True
        self._held += text
        return self._up_to(len(self._held))

    def answer(self) -> None:
        """The end of such reasoning: `feed` gets the answer from now on."""
        self.is_inside, self._held = False, ""

    def close(self) -> list[Piece]:
        """The rest. Afterwards `is_inside` tells whether the whole answer was reasoning."""
        rest, self._held = self._held, ""
        if self.is_inside:
            return self._thought(rest.rstrip())
        return [Delta(rest)] if rest else []

    def _decide(self) -> None:
        """Find out whether the answer begins with reasoning."""
        begin = self._held.lstrip()
        if begin.startswith(self._open):
            self._undecided, self._held = False, begin[len(self._open) :]
            self.is_inside = self._trim = self.has_begun = True
        elif not self._open.startswith(begin) or len(self._held) > LONGEST_PAUSE:
            self._undecided = False

    def _thoughts(self) -> list[Piece]:
        """Take the reasoning so far, up to its end if that has come."""
        thought, end, rest = self._held.partition(self._close)
        if not end:
            return self._up_to(len(self._held) - overlap(self._held, self._close))
        self.is_inside, self._held = False, rest
        return self._thought(thought.rstrip())

    def _up_to(self, end: int) -> list[Piece]:
        """Take reasoning from the held text, but keep the white space at its end."""
        thought = self._held[:end].rstrip()
        self._held = self._held[len(thought) :][-LONGEST_PAUSE:]
        return self._thought(thought)

    def _thought(self, text: str) -> list[Piece]:
        text = text if self._thinks else text.lstrip()
        self._thinks = self._thinks or bool(text)
        return [Thought(text)] if text else []

    def _answer(self) -> list[Piece]:
        """Take the answer so far, without the empty lines between it and the reasoning."""
        text, self._held = self._held.lstrip("\n") if self._trim else self._held, ""
        self._trim = self._trim and not text
        return [Delta(text)] if text else []


class Quote:
    """The text to show of an answer: its reasoning as a markdown quote before it, or hidden unless `show`."""

    def __init__(self, *, show: bool) -> None:
        self._show = show
        self._is_open = False  # lines of the quote stand there, and no word of the answer

    def feed(self, piece: Piece) -> str:
        """The text of a piece. Lines of the reasoning may come in pieces."""
        if isinstance(piece, Delta):
            gap, self._is_open = "\n\n" if self._is_open else "", False
            return gap + piece.text
        if not self._show:
            return ""
        begin, self._is_open = "" if self._is_open else "> ", True
        return begin + piece.text.replace("\n", "\n> ")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The answer ended during the reasoning: there is no word of an answer."""


@dataclass(frozen=True, slots=True)
class Folded:
    """All text shown so far was reasoning, and must be removed."""


class Unopened:
    """Finds the end of reasoning whose opening mark stood in the prompt, if the server does not tell the prompt.

    Nobody can know that the first words are reasoning, so they are shown until the closing mark comes. A mark within
    code, between quotes, or as a word of a sentence belongs to an answer that speaks about it.
    """

    def __init__(self, *, show: bool = False) -> None:
        self._close = MARKS[1]
        self._show = show
        self._held = ""
        self._said: list[str] = []
        self._last = ""  # the last characters so far
        self._fences = self._kept = 0
        self._is_found = False

    def feed(self, text: str) -> Iterator[Delta | Folded]:
        self._held += text
        while not self._is_found:
            before, mark, after = self._held.partition(self._close)
            if mark and not after:
                return  # the next characters decide
            if not mark:
                keep = overlap(before, self._close)
                yield from self._say(before[: len(before) - keep])
                self._held = before[len(before) - keep :]
                return
            yield from self._judge(before, after)
        yield from self._rest()

    def close(self) -> Iterator[Delta | Folded]:
        before, mark, _ = self._held.partition(self._close)
        if mark and not self._is_found:
            yield from self._judge(before, "\n")
            self._held = ""
        yield from self._rest()

    def _judge(self, before: str, after: str) -> Iterator[Delta | Folded]:
        yield from self._say(before)
        if self._fences % 2 or (self._last[-1:] in TALK and not after.startswith("\n")):
            yield from self._say(self._close)
            self._kept, self._held = self._kept + 1, after
            self._is_found = self._kept == MOST_KEPT
            return
        self._is_found, self._held = True, after.lstrip("\n")
        thought = "".join(self._said).strip()
        if thought:
            yield Folded()
            if self._show:
                yield Delta(Quote(show=True).feed(Thought(thought)) + "\n\n")

    def _say(self, text: str) -> Iterator[Delta]:
        if text:
            tail = self._last[-2:]
            self._fences += (tail + text).count("```")
            self._last = (tail + text)[-2:]
            self._said.append(text)
            yield Delta(text)

    def _rest(self) -> Iterator[Delta]:
        rest, self._held = self._held, ""
        if rest:
            yield Delta(rest)


def overlap(text: str, string: str) -> int:
    """Length of the longest end of `text` that begins `string`."""
    return next((n for n in range(min(len(text), len(string) - 1), 0, -1) if text.endswith(string[:n])), 0)
