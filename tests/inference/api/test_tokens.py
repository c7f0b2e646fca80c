"""From text to token ids and back, in vLLM's form."""

import json
import threading
from typing import Any

import httpx
import pytest

from glados_bots.inference.api.checking import MOST_WORDS
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import JSON

CAT = [0, ord("C"), ord("a"), ord("t")]


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_a_text_becomes_tokens_and_text_again(http: httpx.AsyncClient, prefix: str) -> None:
    told = (await http.post(f"{prefix}/tokenize", json={"model": "scripted", "prompt": "Cat"})).json()
    assert told == {"count": 4, "max_model_len": 1000, "tokens": CAT, "token_strings": None}
    plain = {"prompt": "Cat", "add_special_tokens": False, "return_token_strings": True}
    told = (await http.post(f"{prefix}/tokenize", json=plain)).json()
    assert (told["tokens"], told["token_strings"]) == (CAT[1:], ["C", "a", "t"])
    assert (await http.post(f"{prefix}/detokenize", json={"tokens": CAT[1:]})).json() == {"prompt": "Cat"}


async def test_a_conversation_becomes_the_tokens_of_its_prompt(http: httpx.AsyncClient) -> None:
    messages = [{"role": "user", "content": "Cat"}]
    told = (await http.post("/tokenize", json={"model": "scripted", "messages": messages})).json()
    assert told["tokens"] == CAT[1:]


async def test_an_empty_text_has_no_tokens_of_its_own(http: httpx.AsyncClient) -> None:
    told = (await http.post("/tokenize", json={"prompt": "", "add_special_tokens": False})).json()
    assert (told["count"], told["tokens"]) == (0, [])
    assert (await http.post("/detokenize", json={"tokens": []})).json() == {"prompt": ""}


async def test_the_control_tokens_are_told(http: httpx.AsyncClient) -> None:
    told = (await http.get("/tokenizer_info")).json()
    assert told == {"tokenizer_class": "Scripted", "eos_token": "<end>"}


async def test_texts_of_a_long_list_of_tokens_do_not_hold_up_the_event_loop(
    http: httpx.AsyncClient, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, asked = engine.token_bytes, []

    def noted(tokens: Any) -> list[bytes]:
        asked.append((sorted(tokens), threading.current_thread() is threading.main_thread()))
        return told(tokens)

    monkeypatch.setattr(engine, "token_bytes", noted)
    body = {"prompt": "CatCat" * 500, "add_special_tokens": False, "return_token_strings": True}
    strings = (await http.post("/tokenize", json=body)).json()["token_strings"]
    assert strings == list("CatCat" * 500)
    assert asked == [(sorted(CAT[1:]), False)]


TOOL = {"type": "function", "function": {"name": "look", "description": "a" * MOST_WORDS}}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"prompt": "é" * (MOST_WORDS // 2) + "a"}, "prompt: the texts may have"),
        ({"messages": [{"role": "user", "content": "a" * (MOST_WORDS // 2 + 1)}] * 2}, "messages: the texts may have"),
        ({"messages": [{"role": "user", "content": "Hi"}], "tools": [TOOL]}, "tools: their definitions may have"),
    ],
    ids=["prompt", "messages", "tools"],
)
async def test_longer_texts_than_a_chat_may_have_are_refused(
    http: httpx.AsyncClient, body: dict[str, Any], named: str
) -> None:
    response = await http.post("/tokenize", json=body)
    assert response.status_code == 400
    assert f"{named} at most {MOST_WORDS} bytes together" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/tokenize", {}, 400, "give either prompt or messages"),
        ("/tokenize", {"prompt": "a", "messages": [{"role": "user", "content": "Hi"}]}, 400, "give either"),
        ("/tokenize", {"messages": []}, 400, "messages"),
        (
            "/tokenize",
            {"messages": [{"role": "user", "content": "Hi"}], "add_special_tokens": True},
            400,
            "add_special_tokens",
        ),
        ("/tokenize", {"prompt": "a", "model": "other"}, 404, "not served here"),
        ("/tokenize", {"prompt": "\udc00"}, 400, "prompt: half of a surrogate pair"),
        ("/tokenize", {"prompt": "a", "truncate_prompt_tokens": 5}, 400, "truncate_prompt_tokens"),
        ("/detokenize", {"tokens": [-1]}, 400, "tokens.0"),
        ("/detokenize", {"tokens": ["a"]}, 400, "tokens.0"),
        ("/detokenize", {}, 400, "tokens"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], status: int, said: str
) -> None:
    response = await http.post(path, content=json.dumps(body), headers=JSON)
    assert response.status_code == status
    assert said in response.json()["error"]["message"]
