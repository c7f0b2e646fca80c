"""The route POST /v1/chat/completions."""

from functools import partial

from fastapi import FastAPI, Request, Response

from glados_bots.inference.api import streaming
from glados_bots.inference.api.chat import answers
from glados_bots.inference.api.chat.calls import conversation
from glados_bots.inference.api.chat.requests import ChatRequest
from glados_bots.inference.api.service import Asked, Service


def add(app: FastAPI, service: Service) -> None:
    """Add the route."""

    @app.post("/v1/chat/completions", responses=streaming.ANSWERS)
    async def chat(body: ChatRequest, request: Request) -> Response:
        service.require_ready()
        service.require_model(body.model)
        sampling = body.sampling()
        messages = await service.shown(body.model, conversation(body.messages), body.pictures)
        generation = service.begin(Asked(body.model, messages, sampling, body.choices), request)
        request_id = f"chatcmpl-{request.state.request_id}"
        if body.stream:
            return await streaming.streamed(generation, answers.ChunkWriter(body, request_id), service.metrics)
        return await streaming.whole(generation, partial(answers.whole, body, request_id))
