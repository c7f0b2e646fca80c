"""An answer while it is written: feed it piece by piece, get the messages or blocks that changed.

Finished top-level blocks are frozen: parsed once and handed to the sink for good. Only the rest is parsed again with
each piece, so that the cost grows with the answer's length and not with its square. When the answer is complete it is
rendered once as a whole, and that is the result.
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

# A block that weighs more than this is not shown anew with every piece, but each time it has grown by one part in `LAG`
# of its weight: so the cost of a single endless block, too, grows with its length only.
PROMPT_SIZE = 2_048
LAG = 64
# What a character that may be markup weighs: each can cost as much as some words of prose.
MARKUP_WEIGHT = 8
# The same of a footnote or its mark, however long ago it came: each drawing looks at all of them.
NOTE_WEIGHT = 32
# How often an answer is begun again for a definition that came late; after that its links are set when it is complete.
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
        """Take finished blocks; they come in order, and none twice."""

    def chunks(self, rest: Document, *, is_open: bool) -> tuple[int, list[Chunk]]:
        """The number of chunks that are final, and all chunks with `rest` behind what is frozen.

        `is_open` says that the last block may still grow.
        """


@dataclass(slots=True)
class Update(Generic[Chunk]):
    """What a piece of the answer changed."""

    chunks: list[Chunk]  # all chunks (messages, or blocks of HTML) as they are now
    first_changed: int  # index of the first chunk that differs from before; their number, if none does


class Stream(Generic[Chunk]):
    """Follows one answer. `new_sink` is called anew when the answer must be rendered again."""

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
        """The chunks as the last piece has left them."""
        return self._chunks

    def feed(self, delta: str) -> Update[Chunk]:
        """Add the next piece of the answer, cut anywhere; the chunks have everything open closed for display."""
        # 1. What the next piece may yet join with waits for it: half a line's end, half a character.
        delta = self._held + delta
        self._held = ""
        if delta and (delta[-1] == "\r" or _HIGH_SURROGATES[0] <= delta[-1] <= _HIGH_SURROGATES[1]):
            delta, self._held = delta[:-1], delta[-1]
        # 2. The rest is kept, behind what is not frozen yet.
        text = readable(delta)
        self._pieces.append(text)
        self._tail += text
        self._waiting += text
        self._markup += _markup_in(text)
        # 3. While little has come for so heavy a block, nothing new is shown.
        if len(self._waiting) < (self._weight() - PROMPT_SIZE) // LAG:
            return Update(self._chunks, len(self._chunks))
        # 4. Finished blocks go to the sink for good.
        if "\n" in self._waiting:
            self._freeze()
        self._waiting = ""
        # 5. The end is closed, or held back: then there is nothing new either.
        finished = finish(self._tail)
        if finished == self._shown:
            return Update(self._chunks, len(self._chunks))
        # 6. The rest is parsed and drawn anew; what is told are the chunks that stay, and which of them have changed.
        self._shown = finished
        final, chunks = self._sink.chunks(self._parse(finished), is_open=True)
        return self._update(final, self._settled(final, chunks))

    def close(self) -> Update[Chunk]:
        """End the answer; the final chunks are the same as rendering the whole text at once."""
        self._pieces.append(readable(self._held))
        self._held = ""
        self._final = 0
        return self._update(*self._new_sink().chunks(parse("".join(self._pieces)), is_open=False))

    def _weight(self) -> int:
        """What one drawing of the rest costs, as so many characters of prose."""
        notes = len(self._marks) + len(self._notes)
        return len(self._tail) + MARKUP_WEIGHT * self._markup + NOTE_WEIGHT * notes

    def _settled(self, final: int, chunks: list[Chunk]) -> list[Chunk]:
        """Only those chunks that stay, and one more, if the last block reaches over several.

        It may yet become a heading, and what was closed for display may never be.
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
        """Read a part of the answer, with what the frozen part defined."""
        document = self._read(mend(source).text, set())
        document.notes = [*self._notes, *document.notes]
        return document

    def _read(self, mended: str, unresolved: set[str]) -> Document:
        """Footnotes that are marked but not defined here get a stand-in, so that their marks are read as such."""
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
        """Hand over all blocks but the last of the complete lines, where a blank line stands behind them."""
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
        """Where the last block begins that has a blank line before it, in characters; 0 if there is none."""
        encoded = text.encode()
        for start in reversed(document.starts[1:]):
            if _BLANK_LINE.search(encoded[max(0, start - _LONGEST_BLANK) : start]):
                line = encoded.rfind(b"\n", 0, start) + 1  # an indented block begins with its white space
                return len(encoded[:line].decode())
        return 0

    def _defines_late(self, text: str) -> bool:
        """If a definition has come for a link that is frozen as plain text, begin again from the start."""
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
