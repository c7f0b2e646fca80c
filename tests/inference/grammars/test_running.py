"""Forms in a running engine: beside reasoning and other requests, and when one of them fails."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from transformers import AutoTokenizer

from glados_bots.errors import GenerationFailedError
from glados_bots.inference.api.app import create_app
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.grammars import compiler
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.wire.events import Grammar, Sampling
from tests.inference.grammars.test_engines import PERSON, STEP
from tests.inference.test_words import Wish
from tests.inference.tiny import DATA, answer, card, started, write_base
from tests.servers import running
from tests.waiting import until_ready

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
CHOICE = Grammar("choice", '["yes", "no"]')
AMBIGUOUS = Grammar("lark", "answer: answer answer | /a/", "f")


async def test_reasoning_that_was_closed_leads_to_an_answer_of_the_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.inference.tiny.VOCABULARY", 49_200)  # room for the marks
    base = write_base("llama", tmp_path)
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(["<think>", "</think>", *(f"<spare_{number}>" for number in range(4))])
    tokenizer.save_pretrained(base)
    engine = await started(card(base), quantize="none", thinking_tokens=12)
    try:
        wish = Wish(engine)
        words = tokenizer("<think> on and on and on and on and on and on and on", add_special_tokens=False)
        await wish.for_(words["input_ids"])
        text, finished = await answer(engine, "Well?", Sampling(6, 0.0, grammar=CHOICE))
        assert (text in {"yes", "no"}, finished.reason) == (True, "stop")
        assert finished.reasoning_tokens in {12, 13}  # with an empty line before the answer
        await wish.for_(tokenizer("<think>\nHm.\n</think>\n\nno and so on", add_special_tokens=False)["input_ids"])
        text, finished = await answer(engine, "Well?", Sampling(6, 0.0, grammar=CHOICE))
        assert (text, finished.reason) == ("no", "stop")
        assert finished.reasoning_tokens > 0
    finally:
        await engine.stop()


@pytest.mark.parametrize("options", [{"dtype": "float32"}, {}], ids=["float32", "the CPU's step"])
async def test_answers_without_a_form_are_the_same_beside_answers_with_one(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    engine = await started(card(write_base("llama", tmp_path, **STEP)), **options)
    free = [Sampling(24, temperature, seed=7) for temperature in (0.0, 1.0)] * 2
    forms = [Sampling(24, 1.0, grammar=Grammar("json_schema", json.dumps(PERSON)))] * 6
    try:
        alone = [(await answer(engine, f"Question {n}", one))[0] for n, one in enumerate(free)]
        beside = await asyncio.gather(*(answer(engine, f"Question {n}", one) for n, one in enumerate([*free, *forms])))
        assert [text for text, _ in beside[: len(free)]] == alone
        assert all(text.startswith('{"name') for text, _ in beside[len(free) :])
    finally:
        await engine.stop()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[TransformersEngine]:
    engine = TransformersEngine(card(write_base("llama", tmp_path)), EngineOptions(DATA, quantize="none"))
    yield engine
    await engine.stop()


async def test_a_form_that_becomes_too_costly_fails_alone(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "MOST_ITEMS", 60)
    await engine.start()
    costly = answer(engine, "Hi", Sampling(200, 0.0, grammar=AMBIGUOUS, logit_bias={}))
    failed, (text, finished) = await asyncio.gather(costly, answer(engine, "Hi"), return_exceptions=True)  # type: ignore[misc]
    assert isinstance(failed, GenerationFailedError)
    assert str(failed).startswith("f: following this form takes too much work; ask for")
    assert (bool(text), finished.reason) == (True, "length")
    assert not engine.fatal


async def test_a_client_gets_documents_or_the_place_of_what_is_wrong(engine: TransformersEngine) -> None:
    question: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 40}
    explosion: dict[str, Any] = {
        "allOf": [{"anyOf": [{"properties": {f"p{i}{j}": {}}} for i in range(4)]} for j in range(6)]
    }
    async with running(create_app(engine)) as url, httpx.AsyncClient(base_url=url, timeout=120) as http:
        await until_ready(http)

        async def asked(**fields: Any) -> tuple[int, Any]:
            body = (await http.post("/v1/chat/completions", json={**question, **fields})).json()
            if "error" in body:
                return 400, body["error"]["param"]
            (choice,) = body["choices"]
            return 200, (choice["message"]["content"], choice["finish_reason"])

        def strict(schema: Any) -> dict[str, Any]:
            form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
            return {"response_format": form}

        place = "response_format.json_schema.schema"
        small = strict({"enum": [{"a": 1}]})
        assert (await asked(**small))[1] in {('{"a":1}', "stop"), ('{"a": 1}', "stop")}
        assert await asked(guided_choice=["yes"]) == (200, ("yes", "stop"))
        assert await asked(structured_outputs={"regex": "ab"}) == (200, ("ab", "stop"))
        assert await asked(**strict({"properties": {"a": {"uniqueItems": True}}})) == (
            400, f"{place}.properties.a.uniqueItems",
        )  # fmt: skip
        assert await asked(**strict({"enum": ["x" * 2**20]})) == (400, place)
        assert await asked(**strict(False)) == (400, place)
        assert await asked(guided_grammar="start: <[*]>") == (400, "guided_grammar")
        heavy, *others = await asyncio.gather(asked(**strict(explosion)), *(asked(**small) for _ in range(4)), asked())
        assert heavy == (400, place)
        assert [status for status, _ in others] == [200] * 5
