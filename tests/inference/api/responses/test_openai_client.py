"""The official OpenAI client's `responses.create`, `stream` and `parse` against the service on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from glados_bots.errors import GenerationFailedError, PromptTooLongError
from glados_bots.inference.api.app import create_app
from glados_bots.wire.events import Delta, Finished, Thought, TokenLogprob, ToolCallDelta
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.responses.asking import ADD
from tests.servers import running
from tests.waiting import until

KEY = "s3cret-key"


class Sum(BaseModel):
    """A document that a test wants."""

    total: int


@pytest.fixture
async def client(engine: ScriptedEngine) -> AsyncIterator[openai.AsyncOpenAI]:
    app = create_app(engine, api_key=KEY)
    async with (
        running(app) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client,
    ):
        await until(lambda: app.state.service.why_not_ready() is None)
        yield client


async def test_a_whole_response(client: openai.AsyncOpenAI) -> None:
    response = await client.responses.create(model="scripted", input="Hi")
    assert response.output_text == "Hello **world**"
    assert (response.status, response.usage and response.usage.total_tokens) == ("completed", 7)


async def test_a_streamed_response(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    engine.script = (Thought("Hm."), Delta("line\u2028"), Delta("🙂"), Finished("stop", 5, 3, 9, 2))
    async with client.responses.stream(model="scripted", input="Hi") as stream:
        kinds = [event.type async for event in stream]
        response = await stream.get_final_response()
    assert response.output_text == "line\u2028🙂"
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")


async def test_a_document_is_parsed(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    engine.script = (Delta('{"total": 3}'), Finished("stop", 5, 3, 9))
    response = await client.responses.parse(model="scripted", input="1 + 2?", text_format=Sum)
    assert response.output_parsed == Sum(total=3)
    grammar = engine.asked[-1][1].grammar
    assert grammar is not None
    assert grammar.kind == "json_schema"
    async with client.responses.stream(model="scripted", input="1 + 2?", text_format=Sum) as stream:
        assert (await stream.get_final_response()).output_parsed == Sum(total=3)


async def test_the_loop_of_an_agent(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    """What the library got goes back as it is, with the result of the call."""
    engine.script = (Thought("Hm."), ToolCallDelta(0, "call_1", "add", '{"a": 1}'), Finished("tool_calls", 5, 3, 9, 2))
    talk: list[Any] = [{"role": "user", "content": "1 + 2?"}]
    tools: list[Any] = [ADD]
    first = await client.responses.create(model="scripted", input=talk, tools=tools)
    call = first.output[-1]
    assert call.type == "function_call"
    assert (call.name, call.arguments) == ("add", '{"a": 1}')
    talk += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "3"}]
    engine.script = (Delta("3"), Finished("stop", 5, 3, 1))
    second = await client.responses.create(model="scripted", input=talk, tools=tools)
    assert second.output_text == "3"
    question, answer, result = engine.asked[-1][0]
    assert (question.content, answer.reasoning, answer.tool_calls[0].id) == ("1 + 2?", "Hm.", "call_1")
    assert (result.role, result.content, result.name) == ("tool", "3", "add")


async def test_probabilities_of_the_tokens(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    other = TokenLogprob(8, b"Ho", -1.5)
    engine.script = (Delta("Hi", (TokenLogprob(7, b"Hi", -0.25, (other,)),)), Finished("stop", 5, 0, 1))
    response = await client.responses.create(
        model="scripted", input="Hi", include=["message.output_text.logprobs"], top_logprobs=1
    )
    message = response.output[0]
    assert message.type == "message"
    part = message.content[0]
    assert part.type == "output_text"
    assert part.logprobs is not None
    found = part.logprobs[0]
    assert (found.token, found.bytes, found.logprob) == ("Hi", [72, 105], -0.25)
    assert [(each.token, each.logprob) for each in found.top_logprobs] == [("Ho", -1.5)]


async def test_errors_become_its_exceptions(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as stored:
        await client.responses.create(model="scripted", input="Hi", previous_response_id="resp_1")
    assert stored.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError):
        await client.responses.create(model="other", input="Hi")
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="guess").responses.create(model="scripted", input="Hi")
    engine.script = (PromptTooLongError(2000, 900, 1000),)
    with pytest.raises(openai.BadRequestError, match="maximum context length is 1000 tokens"):
        await client.responses.create(model="scripted", input="Hi", stream=True)


async def test_a_failure_in_a_stream_is_its_last_event(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    engine.script = (Delta("Hal"), GenerationFailedError("bang"))
    stream = await client.responses.create(model="scripted", input="Hi", stream=True)
    events = [event async for event in stream]
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert last.response.error.message == "bang"


async def test_closing_a_stream_cancels_its_generation(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    engine.gate = asyncio.Semaphore(1)
    stream = await client.responses.create(model="scripted", input="Hi", stream=True)
    async for event in stream:
        if event.type == "response.output_text.delta":
            break
    await stream.close()
    await until(lambda: engine.cancelled)
