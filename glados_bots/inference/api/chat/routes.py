"""The route POST /v1/chat/completions."""

from fastapi import FastAPI, Request, Response

from glados_bots.inference.api import description
from glados_bots.inference.api.chat import answers
from glados_bots.inference.api.chat.requests import ChatRequest
from glados_bots.inference.api.service import Asked, Service


def add(app: FastAPI, service: Service) -> None:
    """Add the route."""

    @app.post("/v1/chat/completions", responses=description.STREAMED)
    async def chat(body: ChatRequest, request: Request) -> Response:
        service.require_ready()
        service.require_model(body.model)
        messages = await service.shown(
            body.model, [message.plain() for message in body.messages], [message.pictures for message in body.messages]
        )
        most = body.most_tokens(service.engine.context_length, service.engine.thinking_tokens)
        asked = Asked(body.model, messages, body.sampling(), body.least_tokens, most)
        generation = service.begin(asked, request)
        request_id = f"chatcmpl-{request.state.request_id}"
        if body.stream:
            return await answers.streamed(generation, body, request_id, service.metrics)
        return await answers.whole(generation, body, request_id)
