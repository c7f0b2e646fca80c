"""Raw prompts: every form of them, the old form of scores, and what is refused."""

import json
from typing import Any

import httpx
import pytest

from glados_bots.inference import echo_engine
from glados_bots.inference.api.app import create_app
from glados_bots.inference.echo_engine import EchoEngine
from glados_bots.inference.engine import EngineOptions
from glados_bots.wire.events import Begun, Delta, Finished, ScoredPrompt, TokenLogprob
from tests.fakes.engine import ScriptedEngine
from tests.inference.api.chat_requests import JSON
from tests.inference.contract import published
from tests.servers import running
from tests.waiting import until_ready

PATH = "/v1/completions"
PROMPT = ScoredPrompt(b"Caf\xc3", (TokenLogprob(7, b"\xa9 au", -2.0, (TokenLogprob(8, b"e", -1.0),)),))
SAID = TokenLogprob(9, b" lait", -0.5, (TokenLogprob(9, b" lait", -0.5),))
SCRIPT = Begun(2), PROMPT, Delta(" lait", (SAID,)), Finished("length", 2, 0, 1)
OF_PROMPT: dict[str, list[Any]] = {
    "tokens": ["bytes:\\x43\\x61\\x66\\xc3", "bytes:\\xa9\\x20\\x61\\x75"],
    "token_logprobs": [None, -2.0],
    "top_logprobs": [None, {"bytes:\\xa9\\x20\\x61\\x75": -2.0, "e": -1.0}],
    "text_offset": [0, 3],
}
OF_ANSWER: dict[str, list[Any]] = {
    "tokens": [" lait"],
    "token_logprobs": [-0.5],
    "top_logprobs": [{" lait": -0.5}],
    "text_offset": [7],
}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "scripted", "prompt": "Café au", **fields}


def chunks(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]


async def post(http: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await http.post(PATH, json=body(**fields))
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    assert not published.wrong(reply, "CreateCompletionResponse")
    return reply


async def refused(http: httpx.AsyncClient, **fields: Any) -> tuple[str, str]:
    """(field, text) of a refusal."""
    response = await http.post(PATH, content=json.dumps(body(**fields)), headers=JSON)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    return error["param"], error["message"]


async def test_a_text_is_continued(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    reply = await post(http)
    assert reply["id"].startswith("cmpl-")
    assert reply["object"] == "text_completion"
    assert reply["choices"] == [{"index": 0, "text": "Hello **world**", "logprobs": None, "finish_reason": "stop"}]
    assert reply["usage"]["total_tokens"] == 7
    assert engine.asked[0][1].max_tokens == 16


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("one", ["one"]),
        (["one", "two"], ["one", "two"]),
        ([5, 6], ["5 6"]),
        ([[5, 6], [7]], ["5 6", "7"]),
    ],
)
async def test_every_form_of_a_prompt_is_answered_in_order(
    http: httpx.AsyncClient, engine: ScriptedEngine, prompt: Any, texts: list[str]
) -> None:
    reply = await post(http, prompt=prompt, n=2)
    assert [choice["index"] for choice in reply["choices"]] == list(range(2 * len(texts)))
    assert sorted(messages[0].content for messages, _ in engine.asked) == sorted(texts * 2)
    assert reply["usage"]["prompt_tokens"] == 5 * len(texts)
    assert reply["usage"]["completion_tokens"] == 4 * len(texts)


async def test_the_prompt_is_repeated_with_its_scores(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    engine.script = SCRIPT
    reply = await post(http, echo=True, logprobs=1, max_tokens=1)
    (choice,) = reply["choices"]
    assert choice["text"] == "Café au lait"
    assert choice["logprobs"] == {name: OF_PROMPT[name] + OF_ANSWER[name] for name in OF_PROMPT}
    assert (engine.asked[0][1].prompt_logprobs, engine.asked[0][1].logprobs) == (1, 1)


async def test_a_prompt_alone_is_scored(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    engine.script = (Begun(2), PROMPT, Finished("length", 2, 0, 0))
    (choice,) = (await post(http, echo=True, logprobs=0, max_tokens=0))["choices"]
    assert (choice["text"], choice["finish_reason"], choice["logprobs"]) == ("Café au", "length", OF_PROMPT)


async def test_without_echo_the_answers_tokens_begin_at_its_text(
    http: httpx.AsyncClient, engine: ScriptedEngine
) -> None:
    engine.script = (Begun(2), *SCRIPT[2:])
    (choice,) = (await post(http, logprobs=5))["choices"]
    assert choice["logprobs"] == {**OF_ANSWER, "text_offset": [0]}
    assert engine.asked[0][1].prompt_logprobs is None


async def test_a_stream_repeats_the_prompt_first(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    engine.script = SCRIPT
    wanted = body(echo=True, logprobs=1, stream=True, n=2, stream_options={"include_usage": True})
    text = (await http.post(PATH, json=wanted)).text
    *parts, last = chunks(text)
    for index in range(2):
        own = [part["choices"][0] for part in parts if part["choices"][0]["index"] == index]
        assert [one["text"] for one in own] == ["Café au", " lait", ""]
        assert [one["logprobs"] for one in own] == [OF_PROMPT, OF_ANSWER, None]
        assert [one["finish_reason"] for one in own] == [None, None, "length"]
    assert last["usage"]["completion_tokens"] == 2
    assert text.endswith("data: [DONE]\n\n")


async def test_token_ids_are_repeated_as_text(http: httpx.AsyncClient) -> None:
    (choice,) = (await post(http, prompt=[67, 97], echo=True))["choices"]
    assert choice["text"] == "CaHello **world**"


async def test_the_form_of_an_answer_reaches_the_engine(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    await post(http, guided_regex="[a-z]+")
    grammar = engine.asked[0][1].grammar
    assert grammar is not None
    assert (grammar.kind, grammar.value) == ("regex", "[a-z]+")


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"suffix": "."}, "suffix", "fill no gap"),
        ({"best_of": 2}, "best_of", "ask for n answers"),
        ({"logprobs": 6}, "logprobs", "less than or equal to 5"),
        ({"logprobs": True}, "logprobs", "integer"),
        ({"max_tokens": -1}, "max_tokens", "greater"),
        ({"prompt": ""}, "prompt", "give some text"),
        ({"prompt": []}, "prompt", "give a text"),
        ({"prompt": [[]]}, "prompt", "prompt 0"),
        ({"prompt": ["a", 5]}, "prompt", "prompt 1"),
        ({"prompt": [1, -1]}, "prompt", "prompt 0"),
        ({"prompt": [True]}, "prompt", "prompt 0"),
        ({"prompt": [2**31]}, "prompt", "prompt 0"),
        ({"prompt": ["a"] * 129}, "prompt", "at most 128 prompts"),
        ({"prompt": "\ud800"}, "prompt", "surrogate"),
        ({"prompt": {"text": "a"}}, "prompt", "give a text"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages", "not offered"),
        ({"prompt_logprobs": 1}, "prompt_logprobs", "/v1/completions with echo"),
        ({"truncate_prompt_tokens": 5}, "truncate_prompt_tokens", "/tokenize"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(
    http: httpx.AsyncClient, fields: dict[str, Any], field: str, said: str
) -> None:
    param, text = await refused(http, **fields)
    assert (param, said in text) == (field, True), text


async def test_what_asks_for_nothing_is_taken(http: httpx.AsyncClient) -> None:
    await post(http, suffix=None, best_of=1, echo=False, logprobs=None, user="ada")
    await post(http, suffix="", best_of=None)


async def test_the_echo_engine_is_sure_of_its_words(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(echo_engine, "PAUSE_S", 0.0)
    app = create_app(EchoEngine(None, EngineOptions(tmp_path_factory.mktemp("data"))))
    async with running(app) as url, httpx.AsyncClient(base_url=url) as client:
        await until_ready(client)
        fields = {"model": "echo", "echo": True, "logprobs": 1, "max_tokens": 1, "prompt": "two words"}
        (choice,) = (await post(client, **fields))["choices"]
        assert choice["text"] == "two wordstwo "
        assert choice["logprobs"]["token_logprobs"] == [None, 0.0, 0.0]
        assert choice["logprobs"]["text_offset"] == [0, 4, 9]
        param, text = await refused(client, model="echo", prompt=[1, 2])
        assert (param, "no token ids" in text) == ("prompt", True)
        param, text = await refused(client, model="echo", logit_bias={"1": 1})
        assert param == "logit_bias"
