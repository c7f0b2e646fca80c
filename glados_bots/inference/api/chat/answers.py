"""Turns the events of an answer into OpenAI's chat completion, whole or in chunks.

A stream that fails ends with `data: {"error": ...}` and without `[DONE]`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from glados_bots.inference.api.chat import replies
from glados_bots.inference.api.chat.requests import ChatRequest
from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.streaming import data
from glados_bots.wire.events import Delta, Event, Finished, Thought, ToolCallDelta, calls_in


def whole(body: ChatRequest, request_id: str, events: Sequence[Event]) -> dict[str, Any]:
    """The completion. `events` end with `Finished`."""
    thoughts = [event.text for event in events if isinstance(event, Thought) and body.wants_reasoning]
    text = "".join(event.text for event in events if isinstance(event, Delta))
    message = replies.message(text, "".join(thoughts), calls_in(events))
    finished = next(event for event in events if isinstance(event, Finished))
    return replies.completion(request_id, body.model, message, finished)


class ChunkWriter:
    """Writes a stream of chunks, see `Writer`."""

    def __init__(self, body: ChatRequest, request_id: str) -> None:
        self._body, self._request_id = body, request_id

    def begin(self) -> Iterator[str]:
        yield self._chunk({"role": "assistant", "content": ""})

    def lines(self, event: Event) -> Iterator[str]:
        match event:
            case Thought(text) if self._body.wants_reasoning:
                yield self._chunk({"reasoning_content": text})
            case Delta(text):
                yield self._chunk({"content": text})
            case ToolCallDelta() as piece:
                yield self._chunk(replies.call_delta(piece))
            case Finished() as finished:
                yield self._chunk({}, finished.reason)
                if self._body.wants_usage:
                    yield data(replies.usage_chunk(self._request_id, self._body.model, finished))
                yield "data: [DONE]\n\n"

    def failed(self, error: ApiError) -> Iterator[str]:
        yield data(error.body())

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> str:
        return data(replies.chunk(self._request_id, self._body.model, delta, reason))
