"""The official OpenAI client against the service on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from glados_bots.errors import EngineDeadError, GenerationFailedError, PromptTooLongError, QueueFullError
from glados_bots.inference.api.app import create_app
from glados_bots.wire.events import Delta, Finished, Queued
from tests.fakes.engine import ScriptedEngine
from tests.servers import running
from tests.waiting import until

QUESTION: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hi"}]
KEY = "s3cret-key"


@pytest.fixture
async def base_url(engine: ScriptedEngine) -> AsyncIterator[str]:
    app = create_app(engine, api_key=KEY)
    async with running(app) as url:
        await until(lambda: app.state.service.why_not_ready() is None)
        yield f"{url}/v1"


@pytest.fixture
async def client(base_url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=base_url, api_key=KEY, max_retries=0) as client:
        yield client


async def test_models_are_listed_and_found(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["scripted"]
    assert (await client.models.retrieve("scripted")).model_dump()["max_model_len"] == 1000


async def test_a_whole_answer(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="scripted", messages=QUESTION)
    assert answer.choices[0].message.content == "Hello **world**"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 7


async def test_a_stream_with_usage_and_a_place_in_the_line(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    engine.script = (Queued(2, 7.5), Queued(0, None), Delta("line\u2028"), Delta("🙂"), Finished("length", 5, 3, 2))
    stream = await client.chat.completions.create(
        model="scripted", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    assert stream.response.headers["x-glados-queue-position"] == "2"
    chunks = [chunk async for chunk in stream]
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == "line\u2028🙂"
    assert choices[-1].finish_reason == "length"
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens) == (5, 3, 2)


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (PromptTooLongError(2000, 900, 1000), openai.BadRequestError, "context_length_exceeded"),
        (QueueFullError(9, 12.0), openai.RateLimitError, "queue_full"),
        (GenerationFailedError("bang"), openai.InternalServerError, "generation_failed"),
        (EngineDeadError("gone"), openai.InternalServerError, "engine_dead"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_errors_become_its_exceptions(
    engine: ScriptedEngine,
    client: openai.AsyncOpenAI,
    failure: Exception,
    kind: type[openai.APIStatusError],
    code: str,
    *,
    stream: bool,
) -> None:
    engine.script = (failure,)
    with pytest.raises(kind) as caught:
        await client.chat.completions.create(model="scripted", messages=QUESTION, stream=stream)
    assert caught.value.code == code
    assert caught.value.request_id


async def test_refused_requests_become_its_exceptions(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(model="other", messages=QUESTION)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        await client.chat.completions.create(model="scripted", messages=QUESTION, temperature=9)
    assert wrong.value.param == "temperature"
    with pytest.raises(openai.AuthenticationError) as stranger:
        await client.with_options(api_key="guess").models.list()
    assert stranger.value.code == "invalid_api_key"


async def test_an_error_in_the_middle_of_a_stream_is_raised(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    engine.script = (Delta("Hal"), GenerationFailedError("bang"))
    stream = await client.chat.completions.create(model="scripted", messages=QUESTION, stream=True)
    chunks = aiter(stream)
    assert [(await anext(chunks)).choices[0].delta.content for _ in range(2)] == ["", "Hal"]
    with pytest.raises(openai.APIError, match="bang"):
        await anext(chunks)


async def test_closing_a_stream_cancels_its_generation(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    engine.gate = asyncio.Semaphore(1)
    stream = await client.chat.completions.create(model="scripted", messages=QUESTION, stream=True)
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.close()
    await until(lambda: engine.cancelled)


async def test_what_it_can_say_besides_is_taken(engine: ScriptedEngine, client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model="scripted",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "assistant", "content": None}, *QUESTION],
        metadata={"a": "b"},
        modalities=["text"],
        parallel_tool_calls=True,
        prompt_cache_key="talk",
        response_format={"type": "text"},
        safety_identifier="ada",
        service_tier="auto",
        store=False,
        tool_choice="none",
        top_p=0,
        user="ada",
        verbosity="medium",
    )
    assert answer.choices[0].message.content == "Hello **world**"
    assert [message.content for message in engine.asked[0][0]] == ["Be brief.", "", "Hi"]


async def test_what_would_change_the_answer_is_refused_by_name(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="scripted", messages=QUESTION, extra_body={"ignore_eos": True})
    assert (refused.value.param, refused.value.code) == ("ignore_eos", "unknown_parameter")
    assert "use min_tokens" in str(refused.value)


async def test_its_answers_can_be_sent_back(client: openai.AsyncOpenAI) -> None:
    first = await client.chat.completions.create(model="scripted", messages=QUESTION)
    said: Any = first.choices[0].message.model_dump()
    second = await client.chat.completions.create(model="scripted", messages=[*QUESTION, said, *QUESTION])
    assert second.choices[0].finish_reason == "stop"


async def test_too_long_a_prompt_is_refused_in_words_that_clients_look_for(
    engine: ScriptedEngine, client: openai.AsyncOpenAI
) -> None:
    engine.script = (PromptTooLongError(2000, 900, 1000),)
    with pytest.raises(openai.BadRequestError, match="maximum context length is 1000 tokens") as refused:
        await client.chat.completions.create(model="scripted", messages=QUESTION)
    assert refused.value.code == "context_length_exceeded"


async def test_it_reads_scores_and_several_answers(client: openai.AsyncOpenAI) -> None:
    said = await client.chat.completions.create(
        model="scripted", messages=QUESTION, n=3, logprobs=True, top_logprobs=2, logit_bias={"5": -100}
    )
    assert [choice.index for choice in said.choices] == [0, 1, 2]
    assert all(choice.logprobs is not None for choice in said.choices)
    streamed = await client.chat.completions.create(model="scripted", messages=QUESTION, n=2, stream=True)
    texts = ["", ""]
    async for chunk in streamed:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == ["Hello **world**"] * 2


async def test_it_continues_raw_prompts(client: openai.AsyncOpenAI) -> None:
    said = await client.completions.create(model="scripted", prompt=["One", "Two"], max_tokens=5, echo=True, logprobs=1)
    assert [choice.text for choice in said.choices] == ["OneHello **world**", "TwoHello **world**"]
    streamed = await client.completions.create(model="scripted", prompt=[1, 2, 3], stream=True)
    assert "".join([chunk.choices[0].text async for chunk in streamed]) == "Hello **world**"
