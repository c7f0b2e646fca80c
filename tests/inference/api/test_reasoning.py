"""What a model thinks is told apart from its answer, unless the client does not want it."""

import json
from typing import Any

import httpx
import pytest

from glados_bots.wire.events import Delta, Finished, Thought
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import CHAT, body


@pytest.fixture(autouse=True)
def _script(engine: ScriptedEngine) -> None:
    engine.script = (Thought("Hm, "), Thought("a greeting."), Delta("Hel"), Delta("lo"), Finished("stop", 5, 0, 9, 6))


async def _streamed(http: httpx.AsyncClient, **fields: Any) -> list[tuple[str, str]]:
    """The pieces of a streamed answer, each with the name of its field."""
    response = await http.post(CHAT, json=body(stream=True, **fields))
    chunks = [json.loads(line[6:]) for line in response.text.split("\n\n") if line.startswith("data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    return [piece for delta in deltas[1:] for piece in delta.items()]  # the first delta has the role


async def test_a_whole_answer_tells_it_in_a_field_of_its_own(http: httpx.AsyncClient) -> None:
    answer = (await http.post(CHAT, json=body())).json()
    message = {"role": "assistant", "content": "Hello", "refusal": None, "reasoning_content": "Hm, a greeting."}
    assert answer["choices"][0]["message"] == message
    assert answer["usage"]["completion_tokens_details"] == {"reasoning_tokens": 6}


async def test_a_stream_tells_it_before_the_answer(http: httpx.AsyncClient) -> None:
    pieces = await _streamed(http)
    assert "".join(text for name, text in pieces if name == "reasoning_content") == "Hm, a greeting."
    assert "".join(text for name, text in pieces if name == "content") == "Hello"
    names = [name for name, _ in pieces]
    assert names == sorted(names, key=["reasoning_content", "content"].index)


async def test_a_client_may_leave_it_out(http: httpx.AsyncClient) -> None:
    answer = (await http.post(CHAT, json=body(include_reasoning=False))).json()
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello", "refusal": None}
    pieces = await _streamed(http, include_reasoning=False)
    assert {name for name, _ in pieces} == {"content"}
    assert "".join(text for _, text in pieces) == "Hello"


async def test_reasoning_of_earlier_answers_reaches_the_engine(engine: ScriptedEngine, http: httpx.AsyncClient) -> None:
    said = (await http.post(CHAT, json=body())).json()["choices"][0]["message"]
    question = {"role": "user", "content": "Hi"}
    await http.post(CHAT, json=body(messages=[question, said, question]))
    assert [message.reasoning for message in engine.asked[-1][0]] == ["", "Hm, a greeting.", ""]
