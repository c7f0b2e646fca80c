"""Pydantic AI: typed answers in each of its three ways, tools, and streams."""

from typing import Literal

from doing import CITIES, KEY, MODEL, URL, WEATHER, do
from pydantic import BaseModel, Field
from pydantic_ai import Agent, NativeOutput, PromptedOutput, ToolOutput, UsageLimits
from pydantic_ai.exceptions import OutputTokenLimitExceeded, UsageLimitExceeded
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = OpenAIProvider(base_url=URL, api_key=KEY)
model = OpenAIChatModel(MODEL, provider=provider)
LIMIT = {"max_tokens": 96}


class Report(BaseModel):
    """The weather of a city"""

    city: Literal["Paris", "Rome"]
    degrees: int = Field(ge=-40, le=50)


def text():
    result = Agent(model, model_settings=LIMIT).run_sync("Hello")
    assert result.output
    assert result.usage.output_tokens > 0


def typed():
    assert Agent(model, output_type=Report, model_settings=LIMIT).run_sync("Rome?").output.city in CITIES


def typed_by_tool():
    agent = Agent(model, output_type=ToolOutput(Report), model_settings=LIMIT)
    assert agent.run_sync("Rome?").output.city in CITIES


def typed_by_schema():
    agent = Agent(model, output_type=NativeOutput(Report), model_settings=LIMIT)
    assert agent.run_sync("Rome?").output.city in CITIES


def typed_by_words():
    """The request asks for JSON, and only words tell the schema: a small model may write other JSON, or too much."""
    agent = Agent(model, output_type=PromptedOutput(dict), model_settings=LIMIT)
    try:
        assert isinstance(agent.run_sync("Rome?").output, dict)
    except OutputTokenLimitExceeded:
        return


def tool():
    asked = []
    agent = Agent(model, output_type=ToolOutput(Report), model_settings=LIMIT)

    @agent.tool_plain
    def get_weather(city: Literal["Paris", "Rome"]) -> str:
        """The weather of a city"""
        asked.append(city)
        return WEATHER

    try:
        agent.run_sync("What is the weather in Rome? Use get_weather.", usage_limits=UsageLimits(request_limit=3))
    except UsageLimitExceeded:  # a small model asks again and again
        pass
    assert asked[0] in CITIES


async def stream():
    async with Agent(model, model_settings=LIMIT).run_stream("Hello") as result:
        assert await result.get_output()


def responses():
    agent = Agent(OpenAIResponsesModel(MODEL, provider=provider), output_type=Report, model_settings=LIMIT)
    assert agent.run_sync("Rome?").output.city in CITIES


do(text, typed, typed_by_tool, typed_by_schema, typed_by_words, tool, stream, responses)
