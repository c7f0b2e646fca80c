"""Reads the answer of an OpenAI-compatible server, a stream of events or one object, into our own events.

Servers differ, so events that are no chat completion are skipped, and missing fields are allowed. Only index 0 is
read, because we ask for one answer.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from glados_bots.errors import ServiceUnavailableError
from glados_bots.wire.event_stream import EventStream
from glados_bots.wire.events import Delta, Finished, FinishReason, Queued
from glados_bots.wire.parts import text_of, thoughts
from glados_bots.wire.reasoning import Folded, Piece, Quote, Reasoning, Unfinished, Unopened
from glados_bots.wire.refusals import STRANGE, count, failure

LONGEST_REPLY = 2**20  # characters; more than people read of one answer, and than we request
QUEUE = re.compile(r": queue position=(\d{1,9})(?: wait=(\d{1,9}\.\d))?")
# Why an answer ended, in the words of OpenAI, Mistral, Anthropic, Google, Zhipu, DeepSeek and vLLM, in lower case.
# All others mean that the model has said all: stop, eos, end_turn, stop_sequence, tool_calls ...
REASONS: dict[str, FinishReason] = {
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_output_tokens", "max_length"), "length"),
    **dict.fromkeys(
        ("content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii", "sensitive", "refusal"),
        "content_filter",
    ),
    **dict.fromkeys(
        ("error", "network_error", "insufficient_system_resource", "abort", "aborted", "cancelled", "timeout"), "error"
    ),
}
UNTOLD = frozenset({"", "null", "none"})  # as some servers write that an answer continues


@dataclass(frozen=True, slots=True)
class Thinking:
    """The model thinks before it answers, and its reasoning is hidden."""


ReplyEvent = Queued | Thinking | Folded | Unfinished | Delta | Finished


class Reply:
    """One answer, read piece by piece."""

    def __init__(self, *, show_reasoning: bool) -> None:
        self.is_over = False  # the server has sent its last event; it may leave the connection open
        self._events = EventStream()
        self._reasoning = Reasoning()
        self._quote = Quote(show=show_reasoning)
        self._unopened = Unopened(show=show_reasoning)
        self._reason: str | None = None
        self._usage: dict[str, Any] = {}
        self._thinks = self._spoke = self._is_thinking_told = False
        self._has_figures = False  # token counts came after the last word, in an event of their own
        self._length = 0
        # A foreign server may send one half of a surrogate pair now, and the other half in the next piece.
        self._halves = codecs.getincrementaldecoder("utf-16-le")("replace")

    @property
    def has_ended(self) -> bool:
        """Whether the server has told why the answer ends. Token counts may follow."""
        return self._reason is not None

    def feed(self, piece: bytes) -> Iterator[ReplyEvent]:
        """The events of a piece of the stream.

        Raises:
            ServiceUnavailableError: the server failed, or sends an event without an end.
            RequestRejectedError: the server refuses the request for good.
        """
        for label, data in self._events.feed(piece):
            if found := QUEUE.fullmatch(label):
                yield Queued(int(found[1]), float(found[2]) if found[2] else None)
            yield from self._data(data, is_error=label == "error")
            if self.is_over:
                return

    def whole(self, content: bytes) -> Iterator[ReplyEvent]:
        """The events of an answer that came as one object, although we asked for a stream."""
        yield from self._object(content.decode(errors="replace"))

    def close(self) -> Iterator[ReplyEvent]:
        """The rest, and the last event. Raises ServiceUnavailableError when the stream ended before the answer."""
        for label, data in self._events.close():
            yield from self._data(data, is_error=label == "error")
        if self._reason is None and not self.is_over and not self._has_figures:
            raise ServiceUnavailableError("the inference service broke off in the middle of an answer")
        if REASONS.get(self._reason or "") == "error" and not self._spoke:
            raise ServiceUnavailableError("the inference service ended an answer with an error before its first word")
        yield from self._told(self._text_of(self._reasoning.close()))
        yield from self._unopened.close()
        if self._reasoning.is_inside:
            yield Unfinished()
        yield Finished(
            REASONS.get(self._reason or "", "stop"),
            count(self._usage.get("prompt_tokens")) or 0,
            self._detail("prompt_tokens_details", "cached_tokens"),
            count(self._usage.get("completion_tokens")) or 0,
            self._detail("completion_tokens_details", "reasoning_tokens"),
        )

    def _detail(self, details: str, name: str) -> int:
        """A count among the details of the usage; 0 if the server does not tell it."""
        found = self._usage.get(details)
        return (count(found.get(name)) or 0) if isinstance(found, dict) else 0

    def _data(self, text: str, *, is_error: bool) -> Iterator[ReplyEvent]:
        """Read an event's data. Some servers end an event with its line, so one event may hold several objects."""
        if is_error:
            raise failure(_told_error(text))
        if "\n" not in text or _is_json(text):
            yield from self._object(text)
        else:
            for line in text.split("\n"):
                yield from self._object(line)

    def _object(self, text: str) -> Iterator[ReplyEvent]:
        if text.strip() == "[DONE]":
            self.is_over = True
        try:
            data = json.loads(text, strict=False)  # some servers do not escape control characters
        except STRANGE:
            return
        if not isinstance(data, dict):
            return
        if error := _error_of(data):
            raise failure(error)
        choices = data.get("choices")
        if isinstance(data.get("usage"), dict):
            self._usage = data["usage"]
            self._has_figures = self._spoke and not choices
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and not choice.get("index"):
                yield from self._choice(choice)

    def _choice(self, choice: dict[str, Any]) -> Iterator[ReplyEvent]:
        if choice.get("error"):
            raise failure(choice["error"])
        said = choice.get("delta") or choice.get("message")
        said = said if isinstance(said, dict) else {}
        yield from self._think(thoughts(said))
        yield from self._speak(text_of(said.get("content")) + text_of(said.get("refusal")))
        reason = str(choice.get("finish_reason") or "").lower().replace("-", "_")
        self._reason = self._reason if reason in UNTOLD else reason
        if self._length > LONGEST_REPLY:
            self._reason, self.is_over = "length", True

    def _think(self, text: str) -> Iterator[ReplyEvent]:
        """Read reasoning from its own field. Reasoning after the answer's first word is hidden."""
        if not text or self._spoke:
            return
        self._length += len(text)
        self._thinks = True
        yield from self._shown(self._reasoning.think(text))

    def _speak(self, text: str) -> Iterator[ReplyEvent]:
        whole = self._halves.decode(text.encode("utf-16-le", "surrogatepass"))
        if not whole:
            return
        self._length += len(whole)
        begins = not self._spoke and bool(whole.strip())
        if self._thinks and not self._spoke and not begins:
            return  # white space beside reasoning, which may continue
        if self._thinks and begins:
            self._reasoning.answer()
        self._spoke, self._has_figures = self._spoke or begins, False
        yield from self._shown(self._reasoning.feed(whole))

    def _text_of(self, pieces: Iterable[Piece]) -> str:
        return "".join(map(self._quote.feed, pieces))

    def _shown(self, pieces: Iterable[Piece]) -> Iterator[ReplyEvent]:
        shown = self._text_of(pieces)
        yield from self._told(shown)
        if not shown and self._reasoning.has_begun and not self._is_thinking_told:
            self._is_thinking_told = True
            yield Thinking()

    def _told(self, text: str) -> Iterator[ReplyEvent]:
        if not self._reasoning.has_begun:
            yield from self._unopened.feed(text)
        elif text:
            yield Delta(text)


def _error_of(data: dict[str, Any]) -> Any:
    """The error that an object of a stream tells; None for a chat completion and for what is neither."""
    if data.get("error"):
        return data["error"]
    if "error" in (data.get("object"), data.get("type")):  # the bare error, as vLLM once sent it
        return data
    if data.get("error_message"):  # Venice
        return {"message": data["error_message"], "type": data.get("error_type"), "code": data.get("code")}
    status = count(data.get("code")) or count(data.get("status")) or 0
    is_bare = "choices" not in data and data.get("message") and status >= HTTPStatus.BAD_REQUEST
    return data if is_bare else None


def _told_error(text: str) -> Any:
    """The error of an event that is named so, in any shape."""
    try:
        data = json.loads(text, strict=False)
    except STRANGE:
        return text
    return (_error_of(data) or data) if isinstance(data, dict) else text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except STRANGE:
        return False
    return True
