"""Reads the text of an answer piece by piece: words, and calls of tools. Linear in the text's length.

The engine has forced the answer's form, so a call that is not complete is where the answer was cut. What does not fit
the form is shown as words.
"""

import json
import re
from collections.abc import Generator, Iterator, Mapping
from uuid import uuid4

from glados_bots.inference.tools.elements import Kind
from glados_bots.inference.tools.formats import ElementBody, JsonBody, ToolFormat
from glados_bots.inference.tools.scanning import CutError, Scanner, Steps, StrayedError
from glados_bots.wire.events import Delta, FinishReason, ToolCallDelta
from glados_bots.wire.reasoning import overlap

AFTER_NAME = re.compile(r"[^A-Za-z0-9_-]")
MOST_HELD = 1_000  # characters of white space that wait for a call
Piece = Delta | ToolCallDelta
Kinds = Mapping[str, Mapping[str, Kind]]


class CallReader:
    """Reads one answer. `feed` and `close` return what is certain.

    Args:
        form: the format, coded: see `spelling.py`.
        kinds: how the arguments of each tool are written, by its name and by theirs; for formats with elements.
        only_first: whether a call can only stand where the answer begins.
    """

    def __init__(self, form: ToolFormat, kinds: Kinds, *, only_first: bool = False) -> None:
        self._form, self._kinds = form, kinds
        self._only_first = only_first or not form.after_text
        self._source = Scanner()
        self._pieces: list[Piece] = []
        self._index = -1  # of the newest call
        self._is_open = False  # a call has begun and is not complete
        self._steps = self._answer()

    def feed(self, text: str) -> list[Piece]:
        self._source.text += text
        next(self._steps, None)
        pieces, self._pieces = self._pieces, []
        return pieces

    def close(self) -> list[Piece]:
        self._source.has_ended = True
        return self.feed("")

    def reason(self, reason: FinishReason) -> FinishReason:
        """Why the answer ended, after `close`. A call that a stop string cut counts as one that a limit cut."""
        if reason != "stop" or not (self._is_open or self._index >= 0):
            return reason
        return "length" if self._is_open else "tool_calls"

    def _answer(self) -> Steps:
        try:
            yield from self._beginning() if self._only_first else self._words()
            yield from self._source.literal(self._form.rest)
            yield from self._calls()
        except CutError:
            return
        except StrayedError:
            self._is_open = False
            yield from self._all()

    def _words(self) -> Steps:
        """Read up to the mark of a call, and the mark. White space before it belongs to nothing."""
        mark, source = self._form.mark, self._source
        while (place := source.text.find(mark)) < 0:
            if source.has_ended:
                yield from self._all()
            end = len(source.text) - overlap(source.text, mark)
            words = len(source.text[:end].rstrip())
            self._say(source.take(words if end - words <= MOST_HELD else end))
            yield
        self._say(source.take(place).rstrip())
        self._begin()

    def _beginning(self) -> Steps:
        """Read the mark of a call, or else words only."""
        try:
            yield from self._source.literal(self._form.mark)
        except (CutError, StrayedError):
            yield from self._all()
        self._begin()

    def _begin(self) -> None:
        self._source.text = self._source.text.removeprefix(self._form.mark)
        self._is_open = True

    def _all(self) -> Steps:
        """Whatever comes is words."""
        while True:
            self._say(self._source.take(len(self._source.text)))
            yield

    def _calls(self) -> Steps:
        form = self._form
        while True:
            yield from self._call()
            then = yield from self._source.literal(form.close, form.between or form.close)
            self._is_open = then != form.close
            if not self._is_open:
                break
        while True:  # nothing follows the last call
            self._source.text = ""
            yield

    def _call(self) -> Steps:
        name = yield from self._name()
        self._index += 1
        self._pieces.append(ToolCallDelta(self._index, f"call_{uuid4().hex}", name))
        body = self._form.body
        if isinstance(body, JsonBody):
            yield from self._source.literal(body.before)
            yield from self._written(self._source.json())
        else:
            yield from self._elements(body, self._kinds.get(name, {}))

    def _name(self) -> Generator[None, None, str]:
        while (found := AFTER_NAME.search(self._source.text)) is None:
            yield from self._source.more()
        return self._source.take(found.start())

    def _elements(self, body: ElementBody, kinds: Mapping[str, Kind]) -> Steps:
        """Elements as one JSON object."""
        then = yield from self._source.literal(body.empty, body.first)
        if then == body.empty:
            self._write("{}")
            return
        opening = "{"
        while then != body.last:
            key = yield from self._source.up_to(body.value)
            self._write(f"{opening}{json.dumps(key, ensure_ascii=False)}: ")
            yield from self._value(kinds.get(key, "text"), body.end)
            then = yield from self._source.literal(body.next, body.last)
            opening = ", "
        self._write("}")

    def _value(self, kind: Kind, end: str) -> Steps:
        source, nothing = self._source, f"null{end}"
        if kind == "text_or_null":
            while nothing.startswith(source.text) and source.text != nothing:
                yield from source.more()
            kind = "json" if source.text.startswith(nothing) else "text"
        if kind == "json":
            yield from self._written(source.json())
            return
        self._write('"')
        yield from self._written(source.before(end), escape=True)
        self._write('"')

    def _written(self, pieces: Iterator[str | None], *, escape: bool = False) -> Steps:
        for piece in pieces:
            if piece is None:
                yield
            elif piece:
                self._write(json.dumps(piece, ensure_ascii=False)[1:-1] if escape else piece)

    def _say(self, text: str) -> None:
        if text:
            self._pieces.append(Delta(text))

    def _write(self, arguments: str) -> None:
        self._pieces.append(ToolCallDelta(self._index, arguments=arguments))
