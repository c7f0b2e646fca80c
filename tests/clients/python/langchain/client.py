"""LangChain's ChatOpenAI: structured answers by each method, tools, streams, counts, embeddings' sibling left out."""

from typing import Literal

from doing import CITIES, KEY, MODEL, URL, WEATHER, do
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

ASK = "What is the weather in Rome?"


def model(**more):
    return ChatOpenAI(base_url=URL, api_key=KEY, model=MODEL, max_tokens=96, max_retries=0, **more)


class Report(BaseModel):
    """The weather of a city"""

    city: Literal["Paris", "Rome"]
    degrees: int = Field(ge=-40, le=50)


@tool
def get_weather(city: Literal["Paris", "Rome"]) -> str:
    """The weather of a city"""
    return WEATHER


def invoke():
    answer = model().invoke("Hello")
    assert answer.content
    assert answer.usage_metadata["output_tokens"] > 0


def stream():
    assert "".join(piece.content for piece in model(stream_usage=True).stream("Hello"))


def batch():
    assert all(answer.content for answer in model().batch(["Hello", "Good day"]))


def by_json_schema():
    assert model().with_structured_output(Report, method="json_schema").invoke(ASK).city in CITIES


def by_function_calling():
    assert model().with_structured_output(Report, method="function_calling").invoke(ASK).city in CITIES


def by_strict_function_calling():
    structured = model().with_structured_output(Report, method="function_calling", strict=True)
    assert structured.invoke(ASK).city in CITIES


def by_json_mode():
    structured = model().with_structured_output(None, method="json_mode")
    assert isinstance(structured.invoke(ASK + " Answer in JSON."), dict)


def tool_round_trip():
    bound = model().bind_tools([get_weather], tool_choice="any", parallel_tool_calls=False)
    first = bound.invoke(ASK)
    (call,) = first.tool_calls
    assert call["args"]["city"] in CITIES
    result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
    assert model().bind_tools([get_weather], tool_choice="none").invoke([HumanMessage(ASK), first, result]).content


def streamed_tool():
    pieces = list(model().bind_tools([get_weather], tool_choice="any", parallel_tool_calls=False).stream(ASK))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = whole + piece
    assert whole.tool_calls[0]["args"]["city"] in CITIES


def responses():
    assert model(use_responses_api=True).invoke("Hello").text


do(
    invoke,
    stream,
    batch,
    by_json_schema,
    by_function_calling,
    by_strict_function_calling,
    by_json_mode,
    tool_round_trip,
    streamed_tool,
    responses,
)
