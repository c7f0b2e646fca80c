"""An agent of Pydantic AI asks a function, and ends with a typed answer."""

from doing import KEY, MODEL, URL, WEATHER, do
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = OpenAIProvider(base_url=URL, api_key=KEY)


class Report(BaseModel):
    city: str
    degrees: int


def finished(model):
    asked = []
    agent = Agent(model, output_type=Report)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather of a city"""
        asked.append(city)
        return WEATHER

    assert agent.run_sync("What is the weather in Rome?").output == Report(city="Rome", degrees=18)
    assert asked == ["Rome"]


def chat():
    finished(OpenAIChatModel(MODEL, provider=provider))


def responses():
    finished(OpenAIResponsesModel(MODEL, provider=provider))


do(chat, responses)
