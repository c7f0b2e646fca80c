"""Turns the events of answers into OpenAI's completion, whole or in chunks.

A stream that fails ends with `data: {"error": ...}` and without `[DONE]`.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from glados_bots.inference.api.chat.replies import usage
from glados_bots.inference.api.completions.requests import CompletionRequest
from glados_bots.inference.api.completions.scores import Scores, joined
from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.streaming import data
from glados_bots.wire.events import Choice, Delta, Event, Finished, ScoredPrompt


class CompletionWriter:
    """Writes the completion, see `Writer`.

    Args:
        body: the request.
        request_id: of the response.
        texts: of the prompts, to repeat before each answer; empty to repeat none.
    """

    def __init__(self, body: CompletionRequest, request_id: str, texts: Sequence[str]) -> None:
        self._body, self._texts = body, texts
        self._head = {
            "id": request_id, "object": "text_completion", "created": int(time.time()), "model": body.model,
        }  # fmt: skip
        self._count = len(body.prompt) * body.choices
        self._scored: dict[int, ScoredPrompt] = {}  # by the prompt
        self._scores: defaultdict[int, Scores] = defaultdict(Scores)
        self._begun: set[int] = set()  # the choices that have repeated their prompt

    def whole(self, events: Sequence[Event]) -> dict[str, Any]:
        pieces = [piece for event in events for piece in self._pieces(event)]
        choices = [self._joined([one for one in pieces if one["index"] == index]) for index in range(self._count)]
        finished = next(event for event in events if isinstance(event, Finished))
        return {**self._head, "choices": choices, "usage": usage(finished)}

    def begin(self) -> Iterator[str]:
        yield from ()

    def lines(self, event: Event) -> Iterator[str]:
        for piece in self._pieces(event):
            yield data({**self._head, "choices": [piece]})
        if isinstance(event, Finished):
            if self._body.wants_usage:
                yield data({**self._head, "choices": [], "usage": usage(event)})
            yield "data: [DONE]\n\n"

    def failed(self, error: ApiError) -> Iterator[str]:
        yield data(error.body())

    def _pieces(self, event: Event) -> Iterator[dict[str, Any]]:
        """What an event adds to a choice."""
        if isinstance(event, Choice):
            yield from self._of(event.index, event.event)
        elif self._count == 1:
            yield from self._of(0, event)

    def _of(self, index: int, event: Event) -> Iterator[dict[str, Any]]:
        if isinstance(event, ScoredPrompt):
            self._scored[index // self._body.choices] = event
        elif isinstance(event, Delta | Finished):
            yield from self._repeated(index)
        match event:
            case Delta(text, tokens):
                scores = self._scores[index].of(tokens) if self._body.logprobs is not None else None
                yield self._piece(index, text, scores)
            case Finished(reason):
                yield self._piece(index, "", None, reason)

    def _repeated(self, index: int) -> Iterator[dict[str, Any]]:
        """The prompt, once before each answer if the request wants it."""
        if not self._texts or index in self._begun:
            return
        self._begun.add(index)
        prompt = index // self._body.choices
        scored = self._scored.get(prompt)
        yield self._piece(index, self._texts[prompt], self._scores[index].of_prompt(scored) if scored else None)

    def _piece(self, index: int, text: str, scores: dict[str, Any] | None, reason: str | None = None) -> dict[str, Any]:
        return {"index": index, "text": text, "logprobs": scores, "finish_reason": reason}

    def _joined(self, pieces: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The pieces of one choice as one."""
        scores = None
        if self._body.logprobs is not None:
            scores = joined(piece["logprobs"] for piece in pieces if piece["logprobs"])
        text = "".join(piece["text"] for piece in pieces)
        return self._piece(pieces[0]["index"], text, scores, pieces[-1]["finish_reason"])
