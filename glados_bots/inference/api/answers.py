"""A generation as the response to its request: whole, or streamed."""

from fastapi import Response
from fastapi.responses import JSONResponse, StreamingResponse

from glados_bots.inference.api import schemas, sse
from glados_bots.inference.api.generation import Generation
from glados_bots.inference.api.metrics import Metrics
from glados_bots.inference.api.schemas import ChatRequest
from glados_bots.wire.events import Delta, Finished, Queued

PLACE = "X-Glados-Queue-Position"


async def whole(generation: Generation, body: ChatRequest, request_id: str) -> Response:
    text: list[str] = []
    headers: dict[str, str] = {}
    try:
        while True:
            match await generation.next_event():
                case Queued(position):
                    headers.setdefault(PLACE, str(position))
                case Delta(delta):
                    text.append(delta)
                case Finished() as finished:
                    answer = schemas.completion(request_id, body.model, "".join(text), finished)
                    return JSONResponse(answer, headers=headers)
    finally:
        await generation.close()


async def streamed(generation: Generation, body: ChatRequest, request_id: str, metrics: Metrics) -> Response:
    """Wait a moment for the first event, so that an early refusal still gets its own status; then stream."""
    first = await generation.next_event(sse.KEEP_ALIVE_S)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if isinstance(first, Queued):
        headers[PLACE] = str(first.position)
    lines = sse.stream(
        generation, first, request_id=request_id, model=body.model, usage=body.wants_usage, metrics=metrics
    )
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)
