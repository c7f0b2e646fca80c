"""Fold away what a reasoning model thinks before it answers, however its tokens cut the marks; or show it as a quote.

Only what stands at the very beginning counts: an answer that speaks about `<think>` keeps it.
"""

from glados_bots.inference.detokenizer import overlap

MARKS = ("<think>", "</think>")
UNFINISHED = "*The model was still thinking when its answer had to end.*"


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
        self._inside = begun
        self._undecided = not begun  # nothing but white space came so far
        self._held = ""
        self._quote = ""  # its first piece that was shown
        self._trim = begun  # the answer's first words have not come yet, and empty lines before them go

    def feed(self, text: str) -> str:
        """Take a piece of the answer."""
        self._held += text
        if self._undecided:
            self._decide()
        shown = self._thoughts() if self._inside else ""
        return shown if self._undecided or self._inside else shown + self._answer()

    def close(self) -> str:
        """What is left; a note when there was nothing but reasoning, so that no answer is empty without a word."""
        rest, self._held = self._held, ""
        if not self._inside:
            return rest
        thought = self._quoted(rest.rstrip()) if self._show else ""
        return f"{thought}\n\n{UNFINISHED}" if self._quote else UNFINISHED

    def _decide(self) -> None:
        """Whether the answer begins with reasoning."""
        begin = self._held.lstrip()
        if begin.startswith(self._open):
            self._undecided, self._inside, self._trim, self._held = False, True, True, begin[len(self._open) :]
        elif not self._open.startswith(begin):
            self._undecided = False

    def _thoughts(self) -> str:
        """The reasoning so far, up to its end where that has come."""
        thought, end, rest = self._held.partition(self._close)
        if not end:
            thought = self._held[: len(self._held) - overlap(self._held, self._close)]
        thought = thought.rstrip()
        self._inside, self._held = not end, rest if end else self._held[len(thought) :]
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
