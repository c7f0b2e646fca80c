"""The route POST /v1/embeddings."""

import asyncio

from fastapi import FastAPI, Request, Response

from glados_bots.errors import GenerationFailedError
from glados_bots.inference.api.embeddings import replies
from glados_bots.inference.api.embeddings.requests import EmbeddingRequest
from glados_bots.inference.api.errors import ApiError, from_engine, wrong_value
from glados_bots.inference.api.generation import Generation
from glados_bots.inference.api.service import Service
from glados_bots.inference.api.streaming import PLACE
from glados_bots.inference.embeddings.embedder import Embedder
from glados_bots.wire.events import Finished, Queued


def add(app: FastAPI, service: Service) -> None:
    @app.post("/v1/embeddings")
    async def embeddings(body: EmbeddingRequest, request: Request) -> Response:
        service.require_ready()
        embedder = _embedder(service, body.model)
        _require_dimensions(embedder, body.dimensions)
        job, costs = body.job(), body.costs(embedder.context_length)
        generation = service.follow(embedder.embed(job, request.state.caller.name), costs, request)
        finished, headers = await _finished(generation)
        if job.vectors is None:
            raise from_engine(GenerationFailedError("the embedder ended without vectors"))
        service.metrics.embeddings.inc(len(job.vectors))
        content = await asyncio.to_thread(
            replies.response, body.model, job.vectors, finished, base64_form=body.encoding_format == "base64"
        )
        return Response(content, media_type="application/json", headers=headers)


async def _finished(generation: Generation) -> tuple[Finished, dict[str, str]]:
    """(the end of the job, the headers with its place in the line). Raises ApiError if it fails or is aborted."""
    headers: dict[str, str] = {}
    try:
        while True:
            match await generation.next_event():
                case Queued(position):
                    headers.setdefault(PLACE, str(position))
                case Finished() as finished:
                    return finished, headers
    finally:
        await generation.close()


def _embedder(service: Service, name: str) -> Embedder:
    """What embeds with this model. Raises ApiError if no model is named so, or if it only chats."""
    embedder = service.embedder
    if embedder is not None and name == embedder.model:
        return embedder
    if name not in service.engine.models:
        raise service.unknown(name)
    remedy = "set GLADOS_EMBEDDING_MODEL (docs/api/embeddings.md)" if embedder is None else f"ask {embedder.model}"
    raise ApiError(400, "cannot_embed", f"the model {name} chats, and does not embed; {remedy}", param="model")


def _require_dimensions(embedder: Embedder, wanted: int | None) -> None:
    least, most = embedder.least_dimensions, embedder.dimensions
    if wanted is None or least <= wanted <= most:
        return
    offered = f"{most} numbers only" if least == most else f"{least} to {most} numbers"
    raise wrong_value("dimensions", f"vectors of {embedder.model} have {offered}; choose such a number or leave it out")
