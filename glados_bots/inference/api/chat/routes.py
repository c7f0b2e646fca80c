"""The route POST /v1/chat/completions."""

from fastapi import FastAPI, Request, Response

from glados_bots.inference.api import streaming
from glados_bots.inference.api.chat.answers import ChatWriter
from glados_bots.inference.api.chat.calls import conversation
from glados_bots.inference.api.chat.requests import ChatRequest
from glados_bots.inference.api.service import Asked, Service


def add(app: FastAPI, service: Service) -> None:
    @app.post("/v1/chat/completions", responses=streaming.ANSWERS)
    async def chat(body: ChatRequest, request: Request) -> Response:
        service.require_model(body.model)
        sampling = body.sampling()
        messages = await service.shown(body.model, conversation(body.messages), body.pictures)
        generation = service.begin(Asked(body.model, messages, sampling, body.choices), request)
        writer = ChatWriter(body, f"chatcmpl-{request.state.request_id}")
        return await streaming.answered(generation, writer, stream=body.stream)
