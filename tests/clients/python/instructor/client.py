"""Instructor: typed answers in its modes, lists, and partial ones."""

from typing import Literal

import instructor
import openai
from doing import CITIES, KEY, MODEL, URL, do
from pydantic import BaseModel, ConfigDict, Field

ASK = [{"role": "user", "content": "What is the weather in Rome?"}]


class Report(BaseModel):
    """The weather of a city"""

    # Without it, JSON_SCHEMA allows other properties, and a small model may write them until max_tokens.
    model_config = ConfigDict(extra="forbid")

    city: Literal["Paris", "Rome"]
    degrees: int = Field(ge=-40, le=50)


def reported(mode):
    client = instructor.from_openai(openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0), mode=mode)
    answer = client.chat.completions.create(
        model=MODEL, messages=ASK, response_model=Report, max_tokens=96, max_retries=0
    )
    assert answer.city in CITIES
    return client


def tools():
    reported(instructor.Mode.TOOLS)


def strict_tools():
    reported(instructor.Mode.TOOLS_STRICT)


def json_schema():
    reported(instructor.Mode.JSON_SCHEMA)


def partial():
    client = instructor.from_openai(openai.OpenAI(base_url=URL, api_key=KEY), mode=instructor.Mode.TOOLS)
    pieces = list(
        client.chat.completions.create_partial(model=MODEL, messages=ASK, response_model=Report, max_tokens=96)
    )
    assert pieces[-1].city in CITIES


do(tools, strict_tools, json_schema, partial)
