"""Turns a generation into a response: whole, or streamed as server-sent events with OpenAI's chunks.

Comments tell a waiting client its place (`: queue position=3 wait=12.5`) and keep the connection alive. Clients
ignore comments by default. A stream that fails ends with `data: {"error": ...}` and without `[DONE]`.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse, StreamingResponse

from glados_bots.inference.api.chat import replies
from glados_bots.inference.api.chat.requests import ChatRequest
from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.generation import Generation
from glados_bots.inference.api.metrics import Metrics
from glados_bots.wire.events import Delta, Event, Finished, Queued, Thought

KEEP_ALIVE_S = 10.0
PLACE = "X-Glados-Queue-Position"


async def whole(generation: Generation, body: ChatRequest, request_id: str) -> Response:
    text: list[str] = []
    thoughts: list[str] = []
    headers: dict[str, str] = {}
    try:
        while True:
            match await generation.next_event():
                case Queued(position):
                    headers.setdefault(PLACE, str(position))
                case Thought(thought):
                    thoughts.append(thought)
                case Delta(delta):
                    text.append(delta)
                case Finished() as finished:
                    reasoning = "".join(thoughts) if body.wants_reasoning else ""
                    message = replies.message("".join(text), reasoning)
                    answer = replies.completion(request_id, body.model, message, finished)
                    return JSONResponse(answer, headers=headers)
    finally:
        await generation.close()


async def streamed(generation: Generation, body: ChatRequest, request_id: str, metrics: Metrics) -> Response:
    """Wait a moment for the first event, so that an early refusal gets its own status code; then stream."""
    first = await generation.next_event(KEEP_ALIVE_S)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if isinstance(first, Queued):
        headers[PLACE] = str(first.position)
    lines = _stream(generation, first, body, request_id, metrics)
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)


async def _stream(
    generation: Generation, event: Event | None, body: ChatRequest, request_id: str, metrics: Metrics
) -> AsyncIterator[str]:
    """All lines of one answer. `event` is the first event; None if none came within KEEP_ALIVE_S."""

    def chunk(delta: dict[str, str], reason: str | None = None) -> str:
        return _data(replies.chunk(request_id, body.model, delta, reason))

    try:
        yield chunk({"role": "assistant", "content": ""})
        while True:
            match event:
                case None:
                    yield ": still here\n\n"
                case Queued() as queued:
                    yield _place(queued)
                case Thought(text) if body.wants_reasoning:
                    yield chunk({"reasoning_content": text})
                case Delta(text):
                    yield chunk({"content": text})
                case Finished() as finished:
                    await generation.close()  # counts its tokens before the client can ask again
                    yield chunk({}, finished.reason)
                    if body.wants_usage:
                        yield _data(replies.usage_chunk(request_id, body.model, finished))
                    yield "data: [DONE]\n\n"
                    return
            event = await generation.next_event(KEEP_ALIVE_S)
    except ApiError as error:
        metrics.errors.labels(error.code).inc()
        yield _data(error.body())
    finally:
        await generation.close()


def _place(queued: Queued) -> str:
    wait = "" if queued.wait_s is None else f" wait={queued.wait_s:.1f}"
    return f": queue position={queued.position}{wait}\n\n"


def _data(value: dict[str, Any]) -> str:
    """One data line, in ASCII only: many clients treat U+2028 and similar characters as line ends."""
    return f"data: {json.dumps(value)}\n\n"
