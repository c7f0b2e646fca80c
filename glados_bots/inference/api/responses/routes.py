"""The route POST /v1/responses."""

from fastapi import FastAPI, Request, Response

from glados_bots.inference.api import streaming
from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.responses.answers import ResponseWriter
from glados_bots.inference.api.responses.conversation import Conversation
from glados_bots.inference.api.responses.output import Output
from glados_bots.inference.api.responses.replies import Reply
from glados_bots.inference.api.responses.requests import FIELDS, ResponsesRequest
from glados_bots.inference.api.responses.toolbox import Toolbox
from glados_bots.inference.api.service import Asked, Service


def add(app: FastAPI, service: Service) -> None:
    @app.post("/v1/responses", responses=streaming.ANSWERS)
    async def respond(body: ResponsesRequest, request: Request) -> Response:
        service.require_model(body.model)
        try:
            return await _answer(service, body, request)
        except ApiError as error:
            raise error.renamed(FIELDS) from error


async def _answer(service: Service, body: ResponsesRequest, request: Request) -> Response:
    toolbox = Toolbox(body.tools or ())
    tools = toolbox.use(body.tool_choice, parallel=body.parallel_tool_calls is not False)
    conversation = Conversation(body.instructions or "", body.input)
    messages = await service.shown(body.model, conversation.messages, conversation.pictures)
    generation = service.begin(Asked(body.model, messages, body.sampling(tools)), request)
    request_id = request.state.request_id
    writer = ResponseWriter(Reply(body, request_id), Output(request_id, toolbox, has_summary=body.has_summary))
    return await streaming.answered(generation, writer, stream=body.stream)
