"""Fold away what a reasoning model thinks before it answers, however its tokens cut the marks; or show it as a quote.

Only what stands at the very beginning counts: an answer that speaks about `<think>` keeps it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from glados_bots.wire.events import Delta

MARKS = ("<think>", "</think>")
TALK = frozenset(" `\"'(")  # before a mark that is spoken about
MOST_KEPT = 50  # marks that an answer speaks about; after that none is looked at


class Reasoning:
    """A filter for one answer: `feed` text as it comes, `close` at the end; both return what may be shown.

    Args:
        marks: what opens and closes the reasoning.
        show: as a markdown quote before the answer, instead of not at all.
        begun: the prompt ended with the opening mark, as some chat templates do it.
    """

    def __init__(self, marks: tuple[str, str] = MARKS, *, show: bool = False, begun: bool = False) -> None:
        self._open, self._close = marks
        self._show = show
        self.is_inside = self.has_begun = begun  # with reasoning
        self._undecided = not begun  # nothing but white space came so far
        self._held = ""
        self._quote = ""  # its first piece that was shown
        self._trim = begun  # the answer's first words have not come yet, and empty lines before them go

    def feed(self, text: str) -> str:
        self._held += text
        if self._undecided:
            self._decide()
        shown = self._thoughts() if self.is_inside else ""
        return shown if self._undecided or self.is_inside else shown + self._answer()

    def close(self) -> str:
        """What is left. `is_inside` says afterwards whether there was nothing but reasoning."""
        rest, self._held = self._held, ""
        if not self.is_inside:
            return rest
        return self._quoted(rest.rstrip()) if self._show else ""

    def _decide(self) -> None:
        """Whether the answer begins with reasoning."""
        begin = self._held.lstrip()
        if begin.startswith(self._open):
            self._undecided, self._held = False, begin[len(self._open) :]
            self.is_inside = self._trim = self.has_begun = True
        elif not self._open.startswith(begin):
            self._undecided = False

    def _thoughts(self) -> str:
        """The reasoning so far, up to its end where that has come."""
        thought, end, rest = self._held.partition(self._close)
        if not end:
            thought = self._held[: len(self._held) - overlap(self._held, self._close)]
        thought = thought.rstrip()
        self.is_inside, self._held = not end, rest if end else self._held[len(thought) :]
        shown = self._quoted(thought) if self._show else ""
        return shown + "\n\n" if end and self._quote else shown

    def _answer(self) -> str:
        """The answer so far, without the empty lines between it and the reasoning."""
        text, self._held = self._held.lstrip("\n") if self._trim else self._held, ""
        self._trim = self._trim and not text
        return text

    def _quoted(self, text: str) -> str:
        """As lines of a quote; they may come in pieces."""
        text = text if self._quote else text.lstrip()
        begin = "> " if text and not self._quote else ""
        self._quote = self._quote or text
        return begin + text.replace("\n", "\n> ")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The answer ended while the model was still reasoning: there is no word of an answer."""


@dataclass(frozen=True, slots=True)
class Folded:
    """All that was said so far was reasoning: it is taken back."""


class Unopened:
    """Finds the end of reasoning whose opening mark stood in the prompt of a server that keeps that to itself.

    Nobody can know that the first words are reasoning, so they are shown until the closing mark comes. An answer that
    speaks about the mark keeps it: within code, between quotes, or as a word of a sentence.
    """

    def __init__(self, *, show: bool = False) -> None:
        self._close = MARKS[1]
        self._show = show
        self._held = ""
        self._said: list[str] = []
        self._last = ""  # the last characters that were said
        self._fences = self._kept = 0
        self._is_found = False

    def feed(self, text: str) -> Iterator[Delta | Folded]:
        self._held += text
        while not self._is_found:
            before, mark, after = self._held.partition(self._close)
            if mark and not after:
                return  # what follows tells what it is
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
