"""Hides the reasoning of a model, or shows it as a quote. Finds marks even if tokens cut them.

Only a mark at the very beginning counts: an answer that speaks about `<think>` keeps it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from glados_bots.wire.events import Delta

MARKS = ("<think>", "</think>")
TALK = frozenset(" `\"'(")  # characters before a mark that the answer speaks about
LONGEST_PAUSE = 1_000  # characters of white space before or in reasoning that are looked through for a mark
MOST_KEPT = 50  # marks that an answer speaks about; further ones are not checked


class Reasoning:
    """A filter for one answer: `feed` text as it comes, and `close` at the end. Both return the text to show.

    Args:
        marks: the strings that open and close the reasoning.
        show: whether to show reasoning as a markdown quote before the answer; else it is hidden.
        begun: whether the prompt ended with the opening mark, as in some chat templates.
    """

    def __init__(self, marks: tuple[str, str] = MARKS, *, show: bool = False, begun: bool = False) -> None:
        self._open, self._close = marks
        self._show = show
        self.is_inside = self.has_begun = begun  # the reasoning
        self._undecided = not begun  # only white space came so far
        self._held = ""
        self._quote = ""  # the first piece of the quote that was shown
        self._trim = begun  # the answer's first words have not come yet; empty lines before them are removed

    def feed(self, text: str) -> str:
        self._held += text
        if self._undecided:
            self._decide()
        shown = self._thoughts() if self.is_inside else ""
        return shown if self._undecided or self.is_inside else shown + self._answer()

    def think(self, text: str) -> str:
        """Reasoning that the server sends in a field of its own, before the answer. A mark in it is part of it."""
        self._undecided = False
        self.is_inside = self.has_begun = self._trim = True
        thought = (self._held + text).rstrip()
        self._held = (self._held + text)[len(thought) :][-LONGEST_PAUSE:]
        return self._quoted(thought) if self._show else ""

    def answer(self) -> str:
        """The end of such reasoning: `feed` gets the answer from now on."""
        self.is_inside, self._held = False, ""
        return "\n\n" if self._quote else ""

    def close(self) -> str:
        """The rest of the text. Afterwards `is_inside` tells whether the whole answer was reasoning."""
        rest, self._held = self._held, ""
        if not self.is_inside:
            return rest
        return self._quoted(rest.rstrip()) if self._show else ""

    def _decide(self) -> None:
        """Find out whether the answer begins with reasoning."""
        begin = self._held.lstrip()
        if begin.startswith(self._open):
            self._undecided, self._held = False, begin[len(self._open) :]
            self.is_inside = self._trim = self.has_begun = True
        elif not self._open.startswith(begin) or len(self._held) > LONGEST_PAUSE:
            self._undecided = False

    def _thoughts(self) -> str:
        """Take the reasoning so far, up to its end if that has come."""
        thought, end, rest = self._held.partition(self._close)
        if not end:
            thought = self._held[: len(self._held) - overlap(self._held, self._close)]
        thought = thought.rstrip()
        self.is_inside, self._held = not end, rest if end else self._held[len(thought) :][-LONGEST_PAUSE:]
        shown = self._quoted(thought) if self._show else ""
        return shown + "\n\n" if end and self._quote else shown

    def _answer(self) -> str:
        """The answer so far, without the empty lines between it and the reasoning."""
        text, self._held = self._held.lstrip("\n") if self._trim else self._held, ""
        self._trim = self._trim and not text
        return text

    def _quoted(self, text: str) -> str:
        """The text as lines of a quote. Lines may come in pieces."""
        text = text if self._quote else text.lstrip()
        begin = "> " if text and not self._quote else ""
        self._quote = self._quote or text
        return begin + text.replace("\n", "\n> ")


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
                yield Delta("> " + thought.replace("\n", "\n> ") + "\n\n")

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
