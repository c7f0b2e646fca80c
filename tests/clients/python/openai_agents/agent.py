"""An agent of OpenAI's Agents SDK asks a function, hears its result, and ends with words."""

from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from doing import END, KEY, MODEL, URL, WEATHER, do
from openai import AsyncOpenAI

set_tracing_disabled(True)
ASKED = []


@function_tool
def get_weather(city: str) -> str:
    """The weather of a city"""
    ASKED.append(city)
    return WEATHER


def helper(kind):
    ASKED.clear()
    model = kind(MODEL, AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0))
    return Agent(name="helper", instructions="Be brief.", model=model, tools=[get_weather])


async def finished(kind):
    result = await Runner.run(helper(kind), "What is the weather in Rome?")
    assert result.final_output == END
    assert ASKED == ["Rome"]


async def streamed(kind):
    result = Runner.run_streamed(helper(kind), "What is the weather in Rome?")
    async for _ in result.stream_events():
        pass
    assert result.final_output == END
    assert ASKED == ["Rome"]


def chat():
    return finished(OpenAIChatCompletionsModel)


def streamed_chat():
    return streamed(OpenAIChatCompletionsModel)


def responses():
    return finished(OpenAIResponsesModel)


def streamed_responses():
    return streamed(OpenAIResponsesModel)


do(chat, streamed_chat, responses, streamed_responses)
