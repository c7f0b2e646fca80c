"""Smolagents: a model's answer, a schema, and an agent that calls a tool."""

import json

from doing import CITIES, KEY, MODEL, URL, WEATHER, do
from smolagents import OpenAIServerModel, Tool, ToolCallingAgent
from smolagents.models import ChatMessage

SCHEMA = {
    "type": "object",
    "properties": {"city": {"enum": list(CITIES)}},
    "required": ["city"],
    "additionalProperties": False,
}
ASKED = []


class GetWeather(Tool):
    name = "get_weather"
    description = "The weather of a city"
    inputs = {"city": {"type": "string", "description": "its name"}}
    output_type = "string"

    def forward(self, city: str) -> str:
        ASKED.append(city)
        return WEATHER


def model(tokens=64):
    return OpenAIServerModel(model_id=MODEL, api_base=URL, api_key=KEY, max_tokens=tokens, temperature=0)


def said(text):
    return [ChatMessage(role="user", content=[{"type": "text", "text": text}])]


def generate():
    answer = model().generate(said("Hello"))
    assert answer.content
    assert answer.token_usage.output_tokens > 0


def stream():
    assert "".join(piece.content or "" for piece in model().generate_stream(said("Hello")))


def schema():
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
    assert json.loads(model().generate(said("Rome?"), response_format=form).content)["city"] in CITIES


def agent():
    """It asks with `tool_choice: required`. A small model may never give a final answer: two steps are enough."""
    helper = ToolCallingAgent(tools=[GetWeather()], model=model(128), max_steps=2, verbosity_level=0)
    assert helper.run("What is the weather in Rome? Use get_weather, then final_answer.") is not None
    assert any(getattr(step, "tool_calls", None) for step in helper.memory.steps)


do(generate, stream, schema, agent)
