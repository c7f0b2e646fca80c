"""Every engine keeps the form: both schedulers, the CPU's own step, and vLLM. Random models are the hardest."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.engine import Engine, EngineOptions
from glados_bots.inference.transformers_engine.cpu.runner import Runner
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.vllm_engine.engine import VllmEngine
from glados_bots.wire.events import Finished, Grammar, GrammarKind, Sampling
from tests.fakes import vllm as fake
from tests.inference.grammars.walking import SUITE, begins, matcher_of
from tests.inference.tiny import DATA, answer, card, dense_only, manager_of, write_base

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.asyncio(loop_scope="module")]
STEP: dict[str, Any] = {"hidden_size": 192, "intermediate_size": 320, "num_attention_heads": 4, "head_dim": 64}
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 3},
        "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    },
    "required": ["name", "age", "tags", "next"],
    "additionalProperties": False,
}
# Tens of schemas, with all kinds of keywords among them
SCHEMAS = [PERSON, *(SUITE[name]["schema"] for name in list(SUITE)[::7])]


async def started(kind: str, place: Path) -> Engine:
    engine: Engine
    if kind == "vllm":
        program = place / "vllm"
        program.write_text(f"#!{sys.executable}\n{Path(fake.__file__).read_text()}")
        program.chmod(0o755)
        engine = VllmEngine(card(write_base("llama", place / "base")), EngineOptions(DATA, vllm_command=str(program)))
    else:
        model = card(write_base("llama", place, **(STEP if kind == "step" else {})), bad_words=("x", "}"), stop=('":',))
        engine = TransformersEngine(model, EngineOptions(DATA, quantize="auto" if kind == "step" else "none"))
    await engine.start()
    return engine


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["paged", "dense", "step", "vllm"])
async def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    """The card forbids words and ends answers in ways that would break every document."""
    patched = pytest.MonkeyPatch()
    if request.param == "dense":
        dense_only(patched)
    engine = await started(request.param, tmp_path_factory.mktemp(request.param))
    if isinstance(engine, TransformersEngine):
        paged = request.param != "dense" and isinstance(manager_of(engine).batch_processor.inputs_and_outputs, Runner)
        assert paged == (request.param == "step")
    yield engine
    await engine.stop()
    patched.undo()


def wish(schema: Any, number: int) -> Sampling:
    """Greedy, hot, narrow, with penalties: in turn."""
    kinds: tuple[dict[str, Any], ...] = (
        {"temperature": 0.0}, {"temperature": 1.5}, {"temperature": 1.0, "top_k": 3, "frequency_penalty": 2.0},
        {"temperature": 1.0, "top_p": 0.5, "stop": ("a", "1", "{")},
    )  # fmt: skip
    grammar = Grammar("json_schema", json.dumps(schema))
    return Sampling(max_tokens=60, seed=number, grammar=grammar, **kinds[number % len(kinds)])


async def test_every_answer_fits_or_is_the_beginning_of_one_that_does(engine: Engine) -> None:
    said = await asyncio.gather(*(answer(engine, f"Question {n}", wish(schema, n)) for n, schema in enumerate(SCHEMAS)))
    reasons = set()
    for schema, (text, finished) in zip(SCHEMAS, said, strict=True):
        reasons.add(finished.reason)
        if finished.reason == "stop":
            assert Draft202012Validator(schema).is_valid(json.loads(text)), (schema, text)
        else:
            assert finished.reason == "length"
            assert begins(matcher_of(schema), text.rstrip("\ufffd")), (schema, text)
    assert reasons == {"stop", "length"}


@pytest.mark.parametrize(
    ("kind", "value", "possible"),
    [
        ("choice", '["yes", "no", "perhaps"]', {"yes", "no", "perhaps"}),
        ("regex", "(ab){2}c?", {"abab", "ababc"}),
        ("grammar", 'root ::= "on" | "off"', {"on", "off"}),
        ("json_object", "", None),
    ],
)
async def test_other_forms_are_kept_too(
    engine: Engine, kind: GrammarKind, value: str, possible: set[str] | None
) -> None:
    text, finished = await answer(engine, "Well?", Sampling(30, 1.0, grammar=Grammar(kind, value)))
    assert isinstance(finished, Finished)
    if possible is not None:
        assert (text in possible, finished.reason) == (True, "stop")
    else:
        assert text.startswith("{")


async def test_a_form_that_cannot_be_kept_is_refused_and_others_go_on(engine: Engine) -> None:
    schema = {"properties": {"a": {"oneOf": [{"type": "number"}, {"minimum": 5}]}}}
    with pytest.raises(ParameterRefusedError, match=r"f\.properties\.a\.oneOf: "):
        await answer(engine, "Hi", Sampling(5, grammar=Grammar("json_schema", json.dumps(schema), "f")))
    text, _ = await answer(engine, "Hi", Sampling(5, 0.0))
    assert text
