"""Server-sent events (WHATWG HTML, 9.2.6) and their comments, in which our service tells a place in the queue.

No library that we have returns comments. Of an event, its data and its name are of use to us: LM Studio and others
send `event: error`. Ids and pauses are skipped.
"""

import codecs
import re
from collections.abc import Iterator

from glados_bots.errors import ServiceUnavailableError

LONGEST_EVENT = 2**20  # characters per event
LINE_END = re.compile(r"\r\n|\n|\r(?!\Z)")  # a return at the end of a piece may be the first half of a line end


class EventStream:
    """Cuts a stream into pairs: a comment with its colon and no data, or the name of an event and its data."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._line: list[str] = []  # pieces of the unfinished line
        self._data: list[str] = []  # data lines of the unfinished event
        self._name = ""  # of the unfinished event
        self._size = 0  # characters of both

    def feed(self, piece: bytes) -> Iterator[tuple[str, str]]:
        """The pairs that a piece completes. Raises ServiceUnavailableError for an event without an end."""
        text = self._decoder.decode(piece)
        self._size += len(text)
        if self._size > LONGEST_EVENT:
            raise ServiceUnavailableError("the inference service sent a line without an end")
        if self._line and self._line[-1].endswith("\r"):
            text = self._line.pop() + text
        *lines, rest = LINE_END.split(text)
        for line in lines:
            yield from self._take("".join([*self._line, line]))
            self._line.clear()
        if rest:
            self._line.append(rest)

    def close(self) -> Iterator[tuple[str, str]]:
        yield from self._take("".join(self._line).rstrip("\r"))
        yield from self._take("")

    def _take(self, line: str) -> Iterator[tuple[str, str]]:
        if not self._data:
            self._size = 0
        if line.startswith(":"):
            yield line, ""
        elif line:
            field, _, value = line.partition(":")
            if field == "event":
                self._name = value.strip()
            elif field in {"data", "error"}:
                self._name = field if field == "error" else self._name  # as llama.cpp sent errors until 2025
                self._data.append(value.removeprefix(" "))
        else:
            name, data, self._name = self._name, "\n".join(self._data), ""
            if self._data:
                self._data, self._size = [], 0
                yield name, data
