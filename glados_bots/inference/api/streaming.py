"""Turns a generation into an HTTP response, whatever the endpoint: whole, or streamed as server-sent events.

Comments tell a waiting client its place (`: queue position=3 wait=12.5`) and keep the connection alive. Clients ignore
comments by default.
"""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Protocol

from fastapi import Response
from fastapi.responses import JSONResponse, StreamingResponse

from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.generation import Generation
from glados_bots.wire.events import Event, Finished, Queued

KEEP_ALIVE_S = 10.0
PLACE = "X-Glados-Queue-Position"
# What /openapi.json says of a route whose answers may be streamed.
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}}}
}


class Writer(Protocol):
    """Writes one answer in an endpoint's own words."""

    def whole(self, events: Sequence[Event]) -> dict[str, Any]:
        """The object of all events from the first piece to `Finished`."""

    def begin(self) -> Iterator[str]:
        """The lines of a stream before the first event."""

    def lines(self, event: Event) -> Iterator[str]:
        """The lines of an event; of `Finished`, the last ones."""

    def failed(self, error: ApiError) -> Iterator[str]:
        """The last lines of a stream that fails."""


async def answered(generation: Generation, writer: Writer, *, stream: bool | None) -> Response:
    """The answer as the client wants it: streamed, or as one JSON object."""
    return await (_streamed(generation, writer) if stream else _whole(generation, writer))


async def _whole(generation: Generation, writer: Writer) -> Response:
    headers: dict[str, str] = {}
    events: list[Event] = []
    try:
        while not (events and isinstance(events[-1], Finished)):
            event = await generation.next_event()
            if isinstance(event, Queued):
                headers.setdefault(PLACE, str(event.position))
            elif event is not None:
                events.append(event)
        return JSONResponse(writer.whole(events), headers=headers)
    finally:
        await generation.close()


async def _streamed(generation: Generation, writer: Writer) -> Response:
    """Wait a moment for the first event, so that an early refusal gets its own status code; then stream."""
    first = await generation.next_event(KEEP_ALIVE_S)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if isinstance(first, Queued):
        headers[PLACE] = str(first.position)
    return StreamingResponse(_lines(generation, first, writer), media_type="text/event-stream", headers=headers)


async def _lines(generation: Generation, event: Event | None, writer: Writer) -> AsyncIterator[str]:
    """All lines of one answer. `event` is the first event; None if none came within KEEP_ALIVE_S."""
    try:
        for line in writer.begin():
            yield line
        while True:
            if isinstance(event, Finished):
                await generation.close()  # counts its tokens before the client can ask again
            for line in _waiting(event) if event is None or isinstance(event, Queued) else writer.lines(event):
                yield line
            if isinstance(event, Finished):
                return
            event = await generation.next_event(KEEP_ALIVE_S)
    except ApiError as error:
        generation.metrics.errors.labels(error.code).inc()
        for line in writer.failed(error):
            yield line
    finally:
        await generation.close()


def _waiting(queued: Queued | None) -> Iterator[str]:
    """A comment for a client that waits. `queued`: None if nothing has happened."""
    if queued is None:
        yield ": still here\n\n"
    else:
        wait = "" if queued.wait_s is None else f" wait={queued.wait_s:.1f}"
        yield f": queue position={queued.position}{wait}\n\n"


def data(value: dict[str, Any]) -> str:
    """One data line, in ASCII only: many clients treat U+2028 and similar characters as line ends."""
    return f"data: {json.dumps(value)}\n\n"
