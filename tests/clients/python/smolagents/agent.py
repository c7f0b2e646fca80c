"""Both agents of smolagents ask a tool, and give a final answer: one by calls, one by code that it runs."""

from doing import KEY, MODEL, URL, WEATHER, do
from smolagents import CodeAgent, OpenAIServerModel, ToolCallingAgent, tool

ASKED = []


@tool
def get_weather(city: str) -> str:
    """The weather of a city

    Args:
        city: its name
    """
    ASKED.append(city)
    return WEATHER


def finished(kind):
    ASKED.clear()
    model = OpenAIServerModel(MODEL, api_base=URL, api_key=KEY)
    agent = kind(tools=[get_weather], model=model, max_steps=4, verbosity_level=0)
    assert agent.run("What is the weather in Rome?") == WEATHER
    assert ASKED == ["Rome"]


def by_calls():
    finished(ToolCallingAgent)


def by_code():
    finished(CodeAgent)


do(by_calls, by_code)
