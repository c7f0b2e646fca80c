"""LlamaIndex's OpenAILike: chat, completion, structured answers and tools."""

from typing import Literal

from doing import CITIES, KEY, MODEL, URL, WEATHER, do
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel, Field

llm = OpenAILike(
    model=MODEL,
    api_base=URL,
    api_key=KEY,
    is_chat_model=True,
    is_function_calling_model=True,
    context_window=8192,
    max_tokens=96,
    max_retries=0,
)
HELLO = [ChatMessage(role="user", content="Hello")]


class Report(BaseModel):
    """The weather of a city"""

    city: Literal["Paris", "Rome"]
    degrees: int = Field(ge=-40, le=50)


def chat():
    assert llm.chat(HELLO).message.content


def stream():
    assert "".join(piece.delta or "" for piece in llm.stream_chat(HELLO))


def complete():
    assert llm.complete("Hello").text


def structured():
    assert llm.as_structured_llm(Report).complete("The weather in Rome?").raw.city in CITIES


def tools():
    def get_weather(city: Literal["Paris", "Rome"]) -> str:
        """The weather of a city"""
        return WEATHER

    tool = FunctionTool.from_defaults(get_weather)
    response = llm.predict_and_call([tool], "What is the weather in Rome?", tool_required=True)
    assert WEATHER in str(response)


do(chat, stream, complete, structured, tools)
