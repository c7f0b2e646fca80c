"""Turns the events of an answer into OpenAI's response, whole or as a stream of its events."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.responses.output import Output
from glados_bots.inference.api.responses.output_items import Piece
from glados_bots.inference.api.responses.replies import Reply
from glados_bots.inference.api.responses.requests import FIELDS
from glados_bots.wire.events import Delta, Event, Finished


class ResponseWriter:
    """Writes one response, see `Writer`."""

    def __init__(self, reply: Reply, output: Output) -> None:
        self._reply, self._output = reply, output
        self._number = 0  # of the next event

    def whole(self, events: Sequence[Event]) -> dict[str, Any]:
        told = [told for event in events for told in self._told(event)]
        response: dict[str, Any] = told[-1]["response"]
        return response

    def begin(self) -> Iterator[str]:
        for kind in ("response.created", "response.in_progress"):
            yield self._line({"type": kind, "response": self._reply.begun()})

    def lines(self, event: Event) -> Iterator[str]:
        return map(self._line, self._told(event))

    def failed(self, error: ApiError) -> Iterator[str]:
        yield from map(self._line, self._output.end("incomplete"))
        response = self._reply.failed(self._output.written(), error.renamed(FIELDS))
        yield self._line({"type": "response.failed", "response": response})

    def _told(self, event: Event) -> Iterator[dict[str, Any]]:
        if isinstance(event, Piece):
            yield from self._output.add(event)
        elif isinstance(event, Finished):
            if event.reason == "stop" and not self._output.has_answer:
                yield from self._output.add(Delta(""))  # clients look for a message
            status = "incomplete" if self._reply.is_cut(self._output.written(), event) else "completed"
            yield from self._output.end(status)
            yield {"type": f"response.{status}", "response": self._reply.ended(self._output.written(), event)}

    def _line(self, told: dict[str, Any]) -> str:
        """An event with its name and number, in ASCII only, see `streaming.data`."""
        self._number += 1
        numbered = {**told, "sequence_number": self._number - 1}
        return f"event: {told['type']}\ndata: {json.dumps(numbered)}\n\n"
