"""A generation as server-sent events, in OpenAI's chunks.

Comments, which every client ignores, carry a waiting client's place (`: queue position=3 wait=12.5`) and keep the
connection alive. A stream that fails ends with `data: {"error": ...}` and without `[DONE]`.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

from glados_bots.inference.api import schemas
from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.generation import Generation
from glados_bots.inference.api.metrics import Metrics
from glados_bots.wire.events import Delta, Event, Finished, Queued

KEEP_ALIVE_S = 10.0


async def stream(
    generation: Generation,
    first: Event | None,
    *,
    request_id: str,
    model: str,
    usage: bool,
    metrics: Metrics,
) -> AsyncIterator[str]:
    """All lines of one answer.

    Args:
        generation: where the events come from; closed at the end.
        first: the event read already, or None when none came within KEEP_ALIVE_S.
        request_id: id of every chunk.
        model: name of the model, in every chunk.
        usage: whether the token counts come last.
        metrics: counts errors.
    """

    def chunk(delta: dict[str, str], reason: str | None = None) -> str:
        return _data(schemas.chunk(request_id, model, delta, reason))

    event = first
    try:
        yield chunk({"role": "assistant", "content": ""})
        while True:
            match event:
                case None:
                    yield ": still here\n\n"
                case Queued() as queued:
                    yield _place(queued)
                case Delta(text):
                    yield chunk({"content": text})
                case Finished() as finished:
                    await generation.close()  # it is paid for before the client can ask again
                    yield chunk({}, finished.reason)
                    if usage:
                        yield _data(schemas.usage_chunk(request_id, model, finished))
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
    """Only ASCII on the wire: many clients take U+2028 and its like for the end of a line."""
    return f"data: {json.dumps(value)}\n\n"
