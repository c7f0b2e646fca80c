"""The scores of an answer's tokens in chat completions, as OpenAI writes them."""

import json
import math
from typing import Any

import httpx
import pytest

from glados_bots.inference.api.chat.replies import LEAST_LOGPROB
from glados_bots.wire.events import Delta, Finished, Thought, TokenLogprob
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import CHAT, body
from tests.inference.contract import published

CAT = "猫".encode()
HELLO = TokenLogprob(1, b"Hello ", -0.5, (TokenLogprob(1, b"Hello ", -0.5), TokenLogprob(2, b"Hi", -math.inf)))
HALVES = TokenLogprob(3, CAT[:2], -1.0), TokenLogprob(4, CAT[2:], -0.25)
SCRIPT = Thought("Hm."), Delta("Hello ", (HELLO,)), Delta("猫", HALVES), Finished("stop", 5, 0, 4, 1)
CONTENT = [
    {
        "token": "Hello ",
        "logprob": -0.5,
        "bytes": list(b"Hello "),
        "top_logprobs": [
            {"token": "Hello ", "logprob": -0.5, "bytes": list(b"Hello ")},
            {"token": "Hi", "logprob": LEAST_LOGPROB, "bytes": list(b"Hi")},
        ],
    },
    {"token": "\ufffd", "logprob": -1.0, "bytes": list(CAT[:2]), "top_logprobs": []},
    {"token": "\ufffd", "logprob": -0.25, "bytes": list(CAT[2:]), "top_logprobs": []},
]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(*SCRIPT)


async def test_a_whole_answer_has_the_scores_of_its_tokens(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    reply = (await http.post(CHAT, json=body(logprobs=True, top_logprobs=2))).json()
    assert reply["choices"][0]["logprobs"] == {"content": CONTENT, "refusal": None}
    assert engine.asked[0][1].logprobs == 2
    del reply["choices"][0]["message"]["reasoning_content"]
    assert not published.wrong(reply, "CreateChatCompletionResponse")


async def test_a_stream_tells_them_with_their_text(http: httpx.AsyncClient) -> None:
    text = (await http.post(CHAT, json=body(logprobs=True, stream=True))).text
    chunks: list[Any] = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    told = [chunk["choices"][0] for chunk in chunks]
    assert [token for one in told if one["logprobs"] for token in one["logprobs"]["content"]] == CONTENT
    assert all(one["logprobs"] is None for one in told if not one["delta"].get("content"))
    for chunk in chunks:
        chunk["choices"][0]["delta"].pop("reasoning_content", None)
        assert not published.wrong(chunk, "CreateChatCompletionStreamResponse")


async def test_without_the_wish_there_are_none(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    engine.script = (Delta("Hi"), Finished("stop", 5, 0, 1))
    assert (await http.post(CHAT, json=body())).json()["choices"][0]["logprobs"] is None
    assert engine.asked[0][1].logprobs is None
