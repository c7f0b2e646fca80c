"""OpenAI's Agents SDK, over chat completions and over responses."""

from typing import Literal

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from doing import CITIES, KEY, MODEL, URL, WEATHER, do
from openai import AsyncOpenAI
from pydantic import BaseModel, Field

set_tracing_disabled(True)
ASKED = []


class Report(BaseModel):
    city: Literal["Paris", "Rome"]
    degrees: int = Field(ge=-40, le=50)


@function_tool
def get_weather(city: Literal["Paris", "Rome"]) -> str:
    """The weather of a city"""
    ASKED.append(city)
    return WEATHER


def both():
    client = AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0)
    return OpenAIChatCompletionsModel(MODEL, client), OpenAIResponsesModel(MODEL, client)


def agent(model, tokens=256, **more):
    settings = ModelSettings(max_tokens=tokens, **more.pop("settings", {}))
    return Agent(name="helper", instructions="Be brief.", model=model, model_settings=settings, **more)


async def text(model):
    assert (await Runner.run(agent(model), "Hello")).final_output


async def typed(model):
    assert (await Runner.run(agent(model, output_type=Report), "Rome?")).final_output.city in CITIES


async def tool(model):
    ASKED.clear()
    one = agent(model, tools=[get_weather], settings={"tool_choice": "required", "parallel_tool_calls": False})
    result = await Runner.run(one, "What is the weather in Rome?")
    assert ASKED[0] in CITIES
    assert result.final_output


async def stream(model):
    result = Runner.run_streamed(agent(model), "Hello")
    async for _ in result.stream_events():
        pass
    assert result.final_output


def parts():
    for part in (text, typed, tool, stream):
        for number, way in enumerate(("chat", "responses")):

            def one(part=part, number=number):
                return part(both()[number])

            one.__name__ = f"{part.__name__}_{way}"
            yield one


do(*parts())
