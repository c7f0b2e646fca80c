"""OpenAI's Python library does all that the service offers."""

from enum import Enum
from typing import Literal

import openai
from doing import CITIES, KEY, MODEL, URL, WEATHER, do
from pydantic import BaseModel, Field

client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0)
HELLO = [{"role": "user", "content": "Hello"}]
ASK = [{"role": "user", "content": "What is the weather in Rome?"}]


class City(Enum):
    PARIS = "Paris"
    ROME = "Rome"


class GetWeather(BaseModel):
    """The weather of a city"""

    city: City


class Report(BaseModel):
    city: Literal["Paris", "Rome"]
    degrees: int = Field(ge=-40, le=50)
    sunny: bool


TOOLS = [openai.pydantic_function_tool(GetWeather)]


def chat():
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=16)
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens > 0


def stream():
    options = {"include_usage": True}
    pieces = list(
        client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=16, stream=True, stream_options=options)
    )
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert pieces[-1].usage.completion_tokens > 0


def tool_round_trip():
    first = client.chat.completions.create(
        model=MODEL, messages=ASK, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, max_tokens=64
    )
    (call,) = first.choices[0].message.tool_calls
    assert first.choices[0].finish_reason == "tool_calls"
    assert GetWeather.model_validate_json(call.function.arguments).city.value in CITIES
    messages = [*ASK, first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": WEATHER}]
    second = client.chat.completions.create(
        model=MODEL, messages=messages, tools=TOOLS, tool_choice="none", max_tokens=24
    )
    assert second.choices[0].message.content


def streamed_tools():
    with client.chat.completions.stream(
        model=MODEL, messages=ASK, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, max_tokens=64
    ) as events:
        for _ in events:
            pass
        (call,) = events.get_final_completion().choices[0].message.tool_calls
    assert call.function.parsed_arguments.city.value in CITIES


def parse():
    answer = client.chat.completions.parse(model=MODEL, messages=ASK, response_format=Report, max_tokens=64)
    assert answer.choices[0].message.parsed.city in CITIES


def responses():
    answer = client.responses.create(model=MODEL, input="Hello", max_output_tokens=16)
    assert answer.output_text


def responses_parse():
    answer = client.responses.parse(model=MODEL, input="The weather in Rome?", text_format=Report, max_output_tokens=64)
    assert answer.output_parsed.city in CITIES


def responses_stream():
    with client.responses.stream(model=MODEL, input="Hello", max_output_tokens=16) as events:
        for _ in events:
            pass
        assert events.get_final_response().output_text


def logprobs():
    answer = client.chat.completions.create(
        model=MODEL, messages=HELLO, max_tokens=4, temperature=0, logprobs=True, top_logprobs=3
    )
    content = answer.choices[0].logprobs.content
    assert len(content) == answer.usage.completion_tokens
    assert all(len(token.top_logprobs) == 3 and token.logprob <= 0 for token in content)


def several_choices():
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=8, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]


def completions():
    answer = client.completions.create(model=MODEL, prompt="The sea is", max_tokens=8, echo=True, logprobs=1)
    assert answer.choices[0].text.startswith("The sea is")
    assert len(answer.choices[0].logprobs.tokens) == len(answer.choices[0].logprobs.token_logprobs)


def models():
    names = [model.id for model in client.models.list()]
    assert MODEL in names
    assert client.models.retrieve(MODEL).id == MODEL


def errors():
    for wrong, field in (
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"n": 99}, "n"),
        ({"web_search_options": {"a": 1}}, "web_search_options"),
    ):
        try:
            client.chat.completions.create(model=MODEL, messages=HELLO, **wrong)
        except openai.BadRequestError as error:
            assert error.param.startswith(field), error.param
        else:
            raise AssertionError(wrong)
    try:
        client.chat.completions.create(model="nobody", messages=HELLO)
    except openai.NotFoundError as error:
        assert error.code == "model_not_found"


do(
    chat,
    stream,
    tool_round_trip,
    streamed_tools,
    parse,
    responses,
    responses_parse,
    responses_stream,
    logprobs,
    several_choices,
    completions,
    models,
    errors,
)
