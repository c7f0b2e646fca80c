"""Reads answers whose reasoning stands between special tokens, and rewrites them as OPEN, thoughts, CLOSE, answer.

A special token comes as one character that no text holds (see `reasoning_marks.py`), so no word of a model can be taken
for a mark, and no piece of text cuts one. Marks that remain in the answer are removed.
"""

import re
from collections.abc import Iterator
from typing import Protocol

from glados_bots.inference.tools.formats import ARGUMENTS, CALL

# Noncharacters of Unicode: they never stand in a text, and are one character each.
OPEN, CLOSE, CHANNEL, MESSAGE, START, END = CODES = tuple(chr(0xFDD0 + number) for number in range(6))
NONCHARACTERS = dict.fromkeys(range(0xFDD0, 0xFDF0))  # for `str.translate`: these codes and those of tools
NO_CODES = dict.fromkeys(map(ord, CODES))  # for `str.translate`
PIECES = re.compile(f"[{''.join(CODES)}]|[^{''.join(CODES)}]+")
LONGEST_HEADER = 200  # characters of a header that are read
FINAL = "final"  # the channel that people read
RECIPIENT = re.compile(r"to=functions\.([A-Za-z0-9_-]+)")


class Channels(Protocol):
    """One way to write reasoning. Both methods work on coded text."""

    def feed(self, text: str) -> str:
        """The text as OPEN, thoughts, CLOSE, answer."""

    @property
    def closing(self) -> str:
        """What must follow now, so that the reasoning ends and the answer begins."""


class Brackets:
    """Reasoning between two marks, such as `[THINK]…[/THINK]` and Gemma's `<|channel>thought … <channel|>`.

    Args:
        has_name: whether the rest of the opening mark's line is the channel's name, which nobody reads.
    """

    closing = CLOSE

    def __init__(self, *, has_name: bool = False) -> None:
        self._has_name = has_name
        self._is_inside = self._in_name = self._answers = False

    def feed(self, text: str) -> str:
        return "".join(map(self._piece, PIECES.findall(text)))

    def _piece(self, piece: str) -> str:
        if piece == OPEN:
            self._is_inside, self._in_name = True, self._has_name
            return "" if self._answers else OPEN
        if piece == CLOSE:
            shown = CLOSE if self._is_inside and not self._answers else ""
            self._answers, self._is_inside = self._answers or self._is_inside, False
            return shown
        if not self._is_inside:
            self._answers = self._answers or not piece.isspace()
            return piece
        if self._in_name:
            _, end, piece = piece.partition("\n")
            self._in_name = not end
        return "" if self._answers else piece


class Harmony:
    """The format of gpt-oss: messages of several channels, of which people read only `final`.

        <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…<|return|>

    Everything is hidden from a message's first mark to the end of its header. Text before any mark is an answer.

    A call of a tool is a message with a recipient. It comes out as CALL, name, ARGUMENTS, arguments:

        <|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{…}<|call|>

    Args:
        calls: whether to tell of calls; else they are hidden.
    """

    def __init__(self, *, calls: bool = False) -> None:
        self._calls = calls
        self._is_call = False
        self._header: list[str] | None = None  # of a message that has begun; None within its body
        self._named = False  # whether the header has named a channel
        self._is_final = True
        self._opened = self._answers = False
        self._gap = ""  # before the next words of the same kind

    @property
    def closing(self) -> str:
        end = MESSAGE + END if self._header is not None else END
        if self._calls:  # a call may follow
            return f"{end}{START}assistant{CLOSE}"
        return f"{end}{START}assistant{CHANNEL}{FINAL}{MESSAGE}"

    def feed(self, text: str) -> str:
        return "".join(part for piece in PIECES.findall(text) for part in self._piece(piece))

    def _piece(self, piece: str) -> Iterator[str]:
        if piece == CLOSE:
            self._answers = True
            yield CLOSE
        elif piece == MESSAGE:
            yield self._begin_body() if self._header is not None else ""
        elif piece in CODES:
            self._header, self._named = [], piece == CHANNEL
            if not (self._opened or self._answers):
                self._opened = True
                yield OPEN
        elif self._header is not None:
            if sum(map(len, self._header)) < LONGEST_HEADER:
                self._header.append(piece[:LONGEST_HEADER])
        elif self._is_call:
            yield piece
        elif self._is_final:
            yield self._gap + piece
            self._answers, self._gap = self._answers or not piece.isspace(), ""
        elif not self._answers:
            yield self._gap + piece
            self._gap = ""

    def _begin_body(self) -> str:
        """Read the header. A message of the assistant without a channel is an answer."""
        header = "".join(self._header or ())
        words = header.split()
        self._header = None
        recipient = RECIPIENT.search(header) if self._calls else None
        self._is_call = recipient is not None
        if recipient:
            return self._begin_call(recipient[1])
        was_final, self._is_final = (
            self._is_final,
            (words[:1] == [FINAL]) if self._named else words in ([], ["assistant"]),
        )
        if self._is_final and self._opened and not self._answers:
            self._answers, self._gap = True, ""
            return CLOSE
        self._gap = "\n\n" if self._is_final or not was_final else ""
        return ""

    def _begin_call(self, name: str) -> str:
        close = CLOSE if self._opened and not self._answers else ""
        self._answers, self._gap = True, ""
        return f"{close}{CALL}{name}{ARGUMENTS}"
