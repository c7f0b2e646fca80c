"""Turns the events of an answer into OpenAI's chat completion, whole or in chunks.

A stream that fails ends with `data: {"error": ...}` and without `[DONE]`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from glados_bots.inference.api.chat import replies
from glados_bots.inference.api.chat.requests import ChatRequest
from glados_bots.inference.api.choices import by_choice
from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.streaming import data
from glados_bots.wire.events import Choice, Delta, Event, Finished, Thought, ToolCallDelta, calls_in


class ChatWriter:
    """Writes a chat completion, see `Writer`."""

    def __init__(self, body: ChatRequest, request_id: str) -> None:
        self._body, self._request_id = body, request_id

    def whole(self, events: Sequence[Event]) -> dict[str, Any]:
        choices = [_choice(self._body, index, own) for index, own in enumerate(by_choice(events, self._body.choices))]
        finished = next(event for event in events if isinstance(event, Finished))
        return replies.completion(self._request_id, self._body.model, choices, finished)

    def begin(self) -> Iterator[str]:
        for index in range(self._body.choices):
            yield self._chunk(index, {"role": "assistant", "content": ""})

    def lines(self, event: Event) -> Iterator[str]:
        if isinstance(event, Choice):
            yield from self._said(event.index, event.event)
        elif self._body.choices == 1:
            yield from self._said(0, event)
        if isinstance(event, Finished):
            if self._body.wants_usage:
                yield data(replies.usage_chunk(self._request_id, self._body.model, event))
            yield "data: [DONE]\n\n"

    def _said(self, index: int, event: Event) -> Iterator[str]:
        match event:
            case Thought(text) if self._body.wants_reasoning:
                yield self._chunk(index, {"reasoning_content": text})
            case Delta(text, scores):
                yield self._chunk(index, {"content": text}, scores=replies.logprobs(scores) if scores else None)
            case ToolCallDelta() as piece:
                yield self._chunk(index, replies.call_delta(piece))
            case Finished(reason):
                yield self._chunk(index, {}, reason)

    def failed(self, error: ApiError) -> Iterator[str]:
        yield data(error.body())

    def _chunk(
        self, index: int, delta: dict[str, Any], reason: str | None = None, scores: dict[str, Any] | None = None
    ) -> str:
        choice = {"index": index, "delta": delta, "logprobs": scores, "finish_reason": reason}
        return data(replies.chunk(self._request_id, self._body.model, choice))


def _choice(body: ChatRequest, index: int, events: Sequence[Event]) -> dict[str, Any]:
    thoughts = [event.text for event in events if isinstance(event, Thought) and body.wants_reasoning]
    deltas = [event for event in events if isinstance(event, Delta)]
    message = replies.message("".join(delta.text for delta in deltas), "".join(thoughts), calls_in(events))
    scores = replies.logprobs([one for delta in deltas for one in delta.logprobs]) if body.logprobs else None
    finished = next(event for event in events if isinstance(event, Finished))
    return replies.choice(index, message, finished.reason, scores)
