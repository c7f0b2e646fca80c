"""LiteLLM as a library, with the service as an `openai/` model."""

import asyncio
import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from doing import CITIES, KEY, MODEL, URL, do
from pydantic import BaseModel

ASK = [{"role": "user", "content": "What is the weather in Rome?"}]
CITY = {"type": "object", "properties": {"city": {"enum": list(CITIES)}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": CITY}}]
AT = {"model": f"openai/{MODEL}", "api_base": URL, "api_key": KEY, "max_tokens": 64, "num_retries": 0}


class Report(BaseModel):
    city: str
    degrees: int


def completion():
    answer = litellm.completion(messages=ASK, **AT)
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens > 0


def stream():
    assert "".join(
        piece.choices[0].delta.content or "" for piece in litellm.completion(messages=ASK, stream=True, **AT)
    )


def tools():
    answer = litellm.completion(messages=ASK, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, **AT)
    assert json.loads(answer.choices[0].message.tool_calls[0].function.arguments)["city"] in CITIES


def schema():
    answer = litellm.completion(messages=ASK, response_format=Report, **{**AT, "max_tokens": 256})
    if answer.choices[0].finish_reason == "stop":
        Report.model_validate_json(answer.choices[0].message.content)


def asynchronous():
    answer = asyncio.run(litellm.acompletion(messages=ASK, **AT))
    assert answer.choices[0].message.content


def text_completion():
    answer = litellm.text_completion(prompt="The sea is", **{**AT, "model": f"text-completion-openai/{MODEL}"})
    assert answer.choices[0].text


def errors():
    try:
        litellm.completion(messages=ASK, **{**AT, "model": "openai/nobody"})
    except litellm.NotFoundError:
        return
    raise AssertionError("no error")


do(completion, stream, tools, schema, asynchronous, text_completion, errors)
