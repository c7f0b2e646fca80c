"""Both engines force calls: ours with a tiny random model of a real class, and vLLM by its stand-in."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from glados_bots.conversation import Message, ToolCall
from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.vllm_engine.engine import VllmEngine
from glados_bots.wire.events import Delta, Finished, Grammar, Sampling, Thought, Tool, ToolCallDelta, ToolUse
from tests.fakes import vllm as fake
from tests.inference.tiny import DATA, card, write_base
from tests.inference.tools.families import family, use
from tests.inference.tools.walking import Walk, faults

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.asyncio(loop_scope="module")]
Served = TransformersEngine | VllmEngine
ASK = [Message("user", "Weather?")]
ENGINES = [("transformers", "hermes"), ("transformers", "qwen_coder"), ("transformers", "glados"), ("vllm", "hermes")]


def written(name: str, folder: Path) -> Path:
    """A tiny random model of one family; `glados` has the format of the first GLaDOS."""
    write_base("llama", folder, vocab_size=49_280, max_position_embeddings=2_048)
    if name != "glados":
        family(name).tokenizer.save_pretrained(folder)
    return folder


@pytest_asyncio.fixture(
    loop_scope="module",
    scope="module",
    params=ENGINES,
    ids=["-".join(pair) for pair in ENGINES],
)
async def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    kind, name = request.param
    folder = tmp_path_factory.mktemp(name)
    model = card(written(name, folder), prompt_format="glados" if name == "glados" else "chat_template")
    if kind == "vllm":
        program = folder / "vllm"
        program.write_text(f"#!{sys.executable}\n{Path(fake.__file__).read_text()}")
        program.chmod(0o755)
        engine: Served = VllmEngine(model, EngineOptions(DATA, vllm_command=str(program)))
    else:
        engine = TransformersEngine(model, EngineOptions(DATA, max_running=4))
    await engine.start()
    yield engine
    await engine.stop()


async def answer(engine: Served, wish: ToolUse | None, talk: Any = ASK, **more: Any) -> tuple[Walk, Finished]:
    sampling = Sampling(**{"max_tokens": 150, "temperature": 1.0, "tools": wish, **more})
    async with aclosing(engine.generate(engine.models[0], talk, sampling)) as events:
        found = [event async for event in events]
    finished = found[-1]
    assert isinstance(finished, Finished)
    pieces = [event for event in found if isinstance(event, Thought | Delta | ToolCallDelta)]
    return Walk([], finished.reason, pieces), finished


async def test_a_required_call_parses_and_fits(engine: Served) -> None:
    reasons = set()
    for seed in range(4):
        walk, finished = await answer(engine, use(required=True, parallel=False), seed=seed)
        assert faults(walk) == []
        assert walk.text == ""
        assert finished.reason in ("tool_calls", "length")
        assert 0 < finished.completion_tokens <= 150
        reasons.add(finished.reason)
    wish = use(required=True, parallel=False, allowed=frozenset(["get_time"]))
    assert (await answer(engine, wish))[1].reason == "tool_calls"
    assert reasons


async def test_permission_is_kept(engine: Served) -> None:
    walk, finished = await answer(engine, use(allowed=frozenset()), max_tokens=20)
    assert not any(isinstance(piece, ToolCallDelta) for piece in walk.pieces)
    assert finished.reason in ("stop", "length")
    walk, finished = await answer(engine, use(), max_tokens=20)
    assert finished.reason in ("stop", "length", "tool_calls")


async def test_a_document_beside_tools_fits_its_schema(engine: Served) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"], "additionalProperties": False}
    form = Grammar("json_schema", json.dumps(schema), "response_format")
    walk, _ = await answer(engine, use(allowed=frozenset()), grammar=form)
    assert json.loads(walk.text)["a"] in (1, 2)


async def test_calls_and_results_of_the_history_are_read(engine: Served) -> None:
    calls = (ToolCall("a", "get_weather", '{"city": "Paris"}'), ToolCall("b", "get_time", "no JSON"))
    results = [Message("tool", "21", tool_call_id="a", name="get_weather"), Message("tool", "x", tool_call_id="b")]
    talk = [*ASK, Message("assistant", "", tool_calls=calls), *results]
    _, finished = await answer(engine, use(), talk, max_tokens=5)
    _, without = await answer(engine, None, talk, max_tokens=5)
    _, short = await answer(engine, None, max_tokens=5)
    assert finished.prompt_tokens > without.prompt_tokens > short.prompt_tokens


async def test_a_schema_that_cannot_be_kept_is_refused_and_others_go_on(engine: Served) -> None:
    strange = Tool("f", "", {"type": "object", "properties": {"x": {"not": {}}}}, field="tools.0.function.parameters")
    with pytest.raises(ParameterRefusedError, match="not"):
        await answer(engine, ToolUse((strange,), frozenset(["f"])))
    wish = replace(use(required=True, parallel=False), allowed=frozenset(["get_time"]))
    assert (await answer(engine, wish))[1].reason == "tool_calls"
