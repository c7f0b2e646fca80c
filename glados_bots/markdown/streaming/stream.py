"""Follows an answer while it is written: feed it piece by piece, and get the messages or blocks that changed.

Finished top-level blocks are frozen: they are parsed once and given to the sink for good. Only the rest is parsed again
with each piece, so the cost grows with the answer's length, not with its square. The complete answer is rendered once
more as a whole, and that is the result.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import pyromark

from glados_bots.markdown.fences import open_fence
from glados_bots.markdown.mending.mend import mend, readable
from glados_bots.markdown.parsing.parser import parse, parse_mended
from glados_bots.markdown.streaming.unfinished import ending_as_heading, finish
from glados_bots.markdown.tree import Document, Note

Chunk = TypeVar("Chunk")

# A heavier block is not drawn with every piece, but each time it has grown by 1/`LAG` of its weight. So the cost of a
# single endless block also grows only with its length.
PROMPT_SIZE = 2_048
LAG = 64
# Weight of a character that may be markup: each can cost as much as some words of prose.
MARKUP_WEIGHT = 8
# Weight of a footnote or its mark, at any place: each drawing reads all of them.
NOTE_WEIGHT = 32
# How often an answer may restart for a late definition; after that, its links appear when the answer is complete.
MOST_RESTARTS = 16
_MARKUP = re.compile(r"[\n\[\]<>*_~`|$\\&@:/]")
_BLANK_LINE = re.compile(rb"\n[ \t]*\n[ \t]*\Z")
_LONGEST_BLANK = 80  # bytes before a block
_MARK = re.compile(r"\[\^([^\]\s]+)\](:?)")
_LIST_MARKER = re.compile(r"[^>\t]")
_HIGH_SURROGATES = ("\ud800", "\udbff")


class Sink(Protocol[Chunk]):
    """Where documents become chunks: a platform's renderer."""

    def freeze(self, document: Document) -> None:
        """Take finished blocks. They come in order, each once."""

    def chunks(self, rest: Document, *, is_open: bool) -> tuple[int, list[Chunk]]:
        """(number of final chunks, all chunks with `rest` after the frozen part).

        `is_open` tells whether the last block may still grow.
        """


@dataclass(slots=True)
class Update(Generic[Chunk]):
    """What a piece of the answer changed."""

    chunks: list[Chunk]  # all current chunks (messages, or blocks of HTML)
    first_changed: int  # index of the first changed chunk; the number of chunks if none has changed


class Stream(Generic[Chunk]):
    """Follows one answer. `new_sink` is called again if the answer must be rendered from the start."""

    def __init__(self, new_sink: Callable[[], Sink[Chunk]]) -> None:
        self._new_sink = new_sink
        self._sink = new_sink()
        self._pieces: list[str] = []
        self._held = ""
        self._tail = ""
        self._waiting = ""
        self._markup = 0
        self._shown: str | None = None
        self._chunks: list[Chunk] = []
        self._final = 0
        self._marks: list[str] = []
        self._notes: list[Note] = []
        self._definitions: dict[str, tuple[str, str]] = {}
        self._unresolved: set[str] = set()
        self._restarts = 0

    @property
    def chunks(self) -> list[Chunk]:
        """The chunks after the last piece."""
        return self._chunks

    def feed(self, delta: str) -> Update[Chunk]:
        """Add the next piece of the answer, cut anywhere. In the chunks, everything open is closed for display."""
        # 1. Half a line end or half a character waits for the next piece.
        delta = self._held + delta
        self._held = ""
        if delta and (delta[-1] == "\r" or _HIGH_SURROGATES[0] <= delta[-1] <= _HIGH_SURROGATES[1]):
            delta, self._held = delta[:-1], delta[-1]
        # 2. Append the rest to the part that is not frozen yet.
        text = readable(delta)
        self._pieces.append(text)
        self._tail += text
        self._waiting += text
        self._markup += _markup_in(text)
        # 3. If the block is heavy and little has come, show nothing new.
        if len(self._waiting) < (self._weight() - PROMPT_SIZE) // LAG:
            return Update(self._chunks, len(self._chunks))
        # 4. Give finished blocks to the sink for good.
        if "\n" in self._waiting:
            self._freeze()
        self._waiting = ""
        # 5. Close or hold back the end. If nothing visible has changed, there is nothing new.
        finished = finish(self._tail)
        if finished == self._shown:
            return Update(self._chunks, len(self._chunks))
        # 6. Parse and draw the rest again; report the chunks that will stay, and which of them have changed.
        self._shown = finished
        final, chunks = self._sink.chunks(self._parse(finished), is_open=True)
        return self._update(final, self._settled(final, chunks))

    def close(self) -> Update[Chunk]:
        """End the answer. The final chunks equal those of the whole text, rendered at once."""
        self._pieces.append(readable(self._held))
        self._held = ""
        self._final = 0
        return self._update(*self._new_sink().chunks(parse("".join(self._pieces)), is_open=False))

    def _weight(self) -> int:
        """The cost of drawing the rest once, in characters of prose."""
        notes = len(self._marks) + len(self._notes)
        return len(self._tail) + MARKUP_WEIGHT * self._markup + NOTE_WEIGHT * notes

    def _settled(self, final: int, chunks: list[Chunk]) -> list[Chunk]:
        """The chunks that will stay, and one more, if the last block spans several chunks.

        The last block may still become a heading, and elements that we closed for display may stay open.
        """
        if len(chunks) <= final + 1:
            return chunks
        for ending in ("", ending_as_heading(self._tail)):
            _, other = self._sink.chunks(self._parse(self._tail + ending), is_open=True)
            for index in range(max(final, len(self._chunks) - 1), len(chunks) - 1):
                if other[index : index + 1] != chunks[index : index + 1]:
                    del chunks[index + 1 :]
                    break
        return chunks

    def _update(self, final: int, chunks: list[Chunk]) -> Update[Chunk]:
        first = min(self._final, len(chunks))
        common = min(len(chunks), len(self._chunks))
        while first < common and chunks[first] == self._chunks[first]:
            first += 1
        self._chunks, self._final = chunks, final
        return Update(chunks, first)

    def _parse(self, source: str) -> Document:
        """Parse a part of the answer, with the frozen part's definitions."""
        document = self._read(mend(source).text, set())
        document.notes = [*self._notes, *document.notes]
        return document

    def _read(self, mended: str, unresolved: set[str]) -> Document:
        """Parse a repaired part. Footnotes without a definition here get a stand-in, so that their marks are read."""
        found = _MARK.findall(mended) if "[^" in mended else []
        missing = {label for label, colon in found if not colon} - {label for label, colon in found if colon}
        stubs = "".join(f"\n\n[^{label}]: -" for label in sorted(missing))
        if stubs and (fence := open_fence(mended)) is not None:
            prefix = _LIST_MARKER.sub(" ", fence["prefix"])
            stubs = ("" if mended.endswith("\n") else "\n") + prefix + fence["fence"] + stubs

        def on_unknown(link: Any) -> tuple[str, str] | None:
            label = _normal(link["reference"])
            if label not in self._definitions:
                unresolved.add(label)
            return self._definitions.get(label)

        document = parse_mended(mended + stubs, on_unknown, self._marks)
        document.notes = [note for note in document.notes if note.label not in missing]
        return document

    def _freeze(self) -> None:
        """Give all finished blocks to the sink: those before the last block that has a blank line before it."""
        complete = self._tail[: self._tail.rfind("\n") + 1]
        mended = mend(complete)
        document = self._read(mended.text, set())
        if "]:" in complete and self._defines_late(mended.text):
            return
        end = self._freezing_point(document, mended.text)
        if end and mended.unsettled is not None:
            end = end if mended.source_offset(end) <= mended.unsettled else 0
        if not end:
            return
        frozen = self._read(mended.text[:end], self._unresolved)
        self._sink.freeze(frozen)
        self._marks = frozen.marks
        self._notes += frozen.notes
        if "]:" in complete:
            for label, found in pyromark.reference_definitions(mended.text[:end]).items():
                self._definitions.setdefault(_normal(label), (found["dest"], found["title"] or ""))
        self._tail = self._tail[mended.source_offset(end) :]
        self._markup, self._shown = _markup_in(self._tail), None

    def _freezing_point(self, document: Document, text: str) -> int:
        """Start of the last block that has a blank line before it, in characters; 0 if there is none."""
        encoded = text.encode()
        for start in reversed(document.starts[1:]):
            if _BLANK_LINE.search(encoded[max(0, start - _LONGEST_BLANK) : start]):
                line = encoded.rfind(b"\n", 0, start) + 1  # an indented block begins with its white space
                return len(encoded[:line].decode())
        return 0

    def _defines_late(self, text: str) -> bool:
        """If a definition has come for a link that was frozen as plain text, restart. Returns whether it did."""
        labels = {_normal(label) for label in pyromark.reference_definitions(text)}
        if not labels & self._unresolved or self._restarts >= MOST_RESTARTS:
            return False
        self._restarts += 1
        self._sink = self._new_sink()
        self._tail = "".join(self._pieces)
        self._markup, self._shown = _markup_in(self._tail), None
        self._final = 0
        self._marks, self._notes, self._definitions, self._unresolved = [], [], {}, set()
        self._freeze()
        return True


def _markup_in(text: str) -> int:
    return len(_MARKUP.findall(text))


def _normal(label: str) -> str:
    return " ".join(label.casefold().split())
