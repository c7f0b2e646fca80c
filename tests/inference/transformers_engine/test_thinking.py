"""Reasoning in a running engine: its own limit, its count, and the levels of thinking on the way to the template."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from transformers import AutoTokenizer

from glados_bots.conversation import Message
from glados_bots.inference.api.app import create_app
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.prompts.reasoning_marks import HARMONY
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.wire.client import InferenceClient
from glados_bots.wire.events import Delta, Finished, Sampling, Thought
from glados_bots.wire.reasoning import Piece, Quote
from glados_bots.wire.reply import Thinking
from tests.inference.test_words import Wish
from tests.inference.tiny import DATA, answer, card, started, write_base
from tests.servers import running
from tests.waiting import until_ready

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
TEMPLATE = (
    "{% if enable_thinking is defined and not enable_thinking %}/off {% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
THOUGHT = "<|channel|>analysis<|message|>"
SAID = f"{THOUGHT}Hm, let me see.<|end|><|start|>assistant<|channel|>final<|message|>Yes."


def write_model(folder: Path, marks: list[str], *, special: bool) -> Path:
    """A tiny model whose tokenizer has these marks."""
    base = write_base("llama", folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = TEMPLATE
    spare = [f"<spare_{number}>" for number in range(4)]  # the embedding has room for as many as there are
    tokenizer.add_tokens([*marks, *spare], special_tokens=special)
    tokenizer.save_pretrained(base)
    return base


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[TransformersEngine]:
    """A model whose marks are plain text."""
    engine = await started(card(write_base("llama", tmp_path)), quantize="none", thinking_tokens=12)
    yield engine
    await engine.stop()


async def test_reasoning_takes_no_room_from_the_answer(plain: TransformersEngine) -> None:
    wish = Wish(plain)
    tokens = plain.encoder.tokenizer("<think>\nHm.\n</think>\n\nYes, it is so.")["input_ids"]
    await wish.for_([*tokens, 2])
    text, finished = await answer(plain, "Well?", Sampling(max_tokens=7, temperature=0.0))
    assert (text, finished.reason) == ("Yes, it is so.", "stop")
    assert finished.completion_tokens == len(tokens) + 1
    assert 0 < finished.reasoning_tokens < len(tokens)


async def test_reasoning_comes_before_the_answer_and_apart_from_it(plain: TransformersEngine) -> None:
    wish = Wish(plain)
    tokens = plain.encoder.tokenizer("<think>\nHm, let me see.\n</think>\n\nYes.")["input_ids"]
    await wish.for_([*tokens, 2])
    sampling = Sampling(max_tokens=60, temperature=0.0, reasoning_tokens=60)
    events = [event async for event in plain.generate("", [Message("user", "Well?")], sampling)]
    pieces = [event for event in events if isinstance(event, Piece)]
    assert [type(piece) for piece in pieces] == sorted((type(piece) for piece in pieces), key=[Thought, Delta].index)
    assert "".join(piece.text for piece in pieces if isinstance(piece, Thought)) == "Hm, let me see."
    assert "".join(map(Quote(show=True).feed, pieces)) == "> Hm, let me see.\n\nYes."


async def test_reasoning_without_an_end_is_closed_and_an_answer_follows(plain: TransformersEngine) -> None:
    wish = Wish(plain)
    words = plain.encoder.tokenizer("<think>")["input_ids"]
    await wish.for_([*words, *plain.encoder.tokenizer(" on and on" * 30)["input_ids"]])
    text, finished = await answer(plain, "Well?", Sampling(max_tokens=6, temperature=0.0))
    assert len(plain.encoder.tokenizer(text)["input_ids"]) == 6
    assert text.split()[0] in {"on", "and"}
    assert (finished.reason, finished.reasoning_tokens, finished.completion_tokens) == ("length", 12, 18)


async def test_an_answer_without_reasoning_has_the_limit_it_had(plain: TransformersEngine) -> None:
    wish = Wish(plain)
    await wish.for_(plain.encoder.tokenizer("one two three four five six")["input_ids"])
    _, finished = await answer(plain, "Well?", Sampling(max_tokens=5, temperature=0.0))
    assert (finished.reason, finished.completion_tokens, finished.reasoning_tokens) == ("length", 5, 0)


@pytest.mark.parametrize("show", [False, True])
@pytest.mark.parametrize("length", [2, 400])
async def test_reasoning_reaches_the_adapter_without_its_special_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, *, show: bool
) -> None:
    monkeypatch.setattr("tests.inference.tiny.VOCABULARY", 49_200)  # room for the marks
    base = write_model(tmp_path, list(HARMONY), special=True)
    engine = TransformersEngine(
        card(base, prompt_format="chat_template"), EngineOptions(DATA, quantize="none", thinking_tokens=20)
    )
    app = create_app(engine)
    async with running(app) as url, httpx.AsyncClient(base_url=url, timeout=60) as http:
        await until_ready(http)
        assert engine.thinking_levels == ("off", "on")
        assert (await http.get("/v1/models")).json()["data"][0]["thinking_levels"] == ["off", "on"]
        said = SAID if length == 2 else THOUGHT + " so" * length
        wish = Wish(engine)
        ids = engine.encoder.tokenizer(said, add_special_tokens=False)["input_ids"]
        await wish.for_([*ids, 2] if length == 2 else ids)
        client = InferenceClient(f"{url}/v1", show_reasoning=show)
        events = [event async for event in client.stream([Message("user", "Well?")], model="tiny", max_tokens=9)]
        await client.aclose()
        text = "".join(event.text for event in events if isinstance(event, Delta))
        thought, said = ("Hm, let me see.", "Yes.") if length == 2 else ("so" + " so" * 16, " so" * 9)
        assert text == (f"> {thought}\n\n{said}" if show else said)
        assert any(isinstance(event, Thinking) for event in events) != show
        finished = events[-1]
        assert isinstance(finished, Finished)
        assert 0 < finished.reasoning_tokens <= 20
        await _levels_reach_the_template(engine, http)


async def _levels_reach_the_template(engine: TransformersEngine, http: httpx.AsyncClient) -> None:
    question = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}

    async def asked(**fields: Any) -> tuple[int, Any]:
        response = await http.post("/v1/chat/completions", json={**question, **fields})
        body = response.json()
        error = body.get("error", {})
        return response.status_code, error.get("param") or error or body["usage"]["prompt_tokens"]

    bare, off = (
        len(engine.encoder.encode([Message("user", "Hi")], Sampling(effort=effort))) for effort in (None, "none")
    )
    assert off > bare
    assert await asked() == (200, bare)
    for fields in (
        {"reasoning_effort": "none"}, {"enable_thinking": False}, {"chat_template_kwargs": {"enable_thinking": False}},
    ):  # fmt: skip
        assert await asked(**fields) == (200, off)
    assert await asked(reasoning_effort="medium") == (200, bare)
    assert await asked(reasoning_effort="high") == (400, "reasoning_effort")
    assert await asked(chat_template_kwargs={"messages": "x"}) == (400, "chat_template_kwargs.messages")
    assert await asked(chat_template_kwargs={"unknown": 5}) == (400, "chat_template_kwargs.unknown")
