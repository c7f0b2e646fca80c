"""The route POST /v1/completions."""

from dataclasses import replace
from functools import partial

from fastapi import FastAPI, Request, Response

from glados_bots.inference.api import streaming
from glados_bots.inference.api.choices import Start, answers, seeded
from glados_bots.inference.api.completions.answers import CompletionWriter
from glados_bots.inference.api.completions.prompts import Prompt
from glados_bots.inference.api.completions.requests import FIELDS, CompletionRequest
from glados_bots.inference.api.costs import raw_costs
from glados_bots.inference.api.errors import ApiError, from_engine
from glados_bots.inference.api.service import Service
from glados_bots.wire.events import Sampling


def add(app: FastAPI, service: Service) -> None:
    @app.post("/v1/completions", responses=streaming.ANSWERS)
    async def complete(body: CompletionRequest, request: Request) -> Response:
        service.require_model(body.model)
        try:
            return await _answer(service, body, request)
        except ApiError as error:
            raise error.renamed(FIELDS) from error


async def _answer(service: Service, body: CompletionRequest, request: Request) -> Response:
    sampling = body.sampling()
    texts = [await _text(service, prompt) for prompt in body.prompt] if body.echo else []
    starts = [_starts(service, body, prompt, sampling, request) for prompt in body.prompt]
    bounds = raw_costs(body.prompt, sampling, service.engine).times(body.choices)
    generation = service.follow(answers(starts), bounds, request)
    writer = CompletionWriter(body, f"cmpl-{request.state.request_id}", texts)
    return await streaming.answered(generation, writer, stream=body.stream)


def _starts(
    service: Service, body: CompletionRequest, prompt: Prompt, sampling: Sampling, request: Request
) -> list[Start]:
    """What starts each choice of a prompt. Only the first scores the prompt, for all of them."""
    first, *others = seeded(sampling, body.choices)
    wishes = [first, *(replace(one, prompt_logprobs=None) for one in others)]
    caller = request.state.caller.name
    return [partial(service.engine.complete, body.model, prompt, wish, caller) for wish in wishes]


async def _text(service: Service, prompt: Prompt) -> str:
    """A prompt as text. Raises ApiError (400) for a number that is no token."""
    if isinstance(prompt, str):
        return prompt
    try:
        return await service.engine.detokenize(prompt)
    except Exception as error:
        raise from_engine(error) from error
