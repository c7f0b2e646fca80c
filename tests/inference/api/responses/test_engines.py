"""Responses of every engine: the echo, a tiny model of ours, and vLLM's stand-in."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from transformers import AutoTokenizer

from glados_bots.inference.api.app import create_app
from glados_bots.inference.echo_engine import EchoEngine
from glados_bots.inference.engine import Engine, EngineOptions
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.inference.vllm_engine.engine import VllmEngine
from tests.fakes import vllm as fake
from tests.inference.api.responses.asking import asked, refused, streamed
from tests.inference.tiny import DATA, card, write_base
from tests.servers import running
from tests.waiting import until_ready

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
PICK = {
    "type": "function",
    "name": "pick",
    "parameters": {"type": "object", "properties": {"a": {"enum": ["left", "right"]}}, "required": ["a"]},
}
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
of_the_module = pytest.mark.asyncio(loop_scope="module")


def _engine(kind: str, folder: Path) -> Engine:
    if kind == "echo":
        return EchoEngine(None, EngineOptions(folder))
    base = write_base("llama", folder / "base", max_position_embeddings=2048)
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(base)
    tiny = card(base, prompt_format="chat_template")
    if kind == "ours":
        return TransformersEngine(tiny, EngineOptions(DATA, quantize="none"))
    program = folder / "vllm"
    program.write_text(f"#!{sys.executable}\n{Path(fake.__file__).read_text(encoding='utf-8')}", encoding="utf-8")
    program.chmod(0o755)
    return VllmEngine(tiny, EngineOptions(DATA, vllm_command=str(program)))


@pytest.fixture(params=["echo", "ours", "vllm"])
async def engine_http(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    engine = _engine(request.param, tmp_path)
    async with running(create_app(engine)) as url, httpx.AsyncClient(base_url=url, timeout=60) as http:
        await until_ready(http)
        yield http


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def ours(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(_engine("ours", tmp_path_factory.mktemp("ours")))
    async with running(app) as url, httpx.AsyncClient(base_url=url, timeout=60) as http:
        await until_ready(http)
        yield http


async def _model(http: httpx.AsyncClient) -> str:
    return str((await http.get("/v1/models")).json()["data"][0]["id"])


async def test_every_engine_answers_and_counts(engine_http: httpx.AsyncClient) -> None:
    model = await _model(engine_http)
    fields: dict[str, Any] = {"model": model, "input": "one two three", "max_output_tokens": 5, "temperature": 0}
    response = await asked(engine_http, **fields)
    usage = response["usage"]
    assert 0 < usage["output_tokens"] <= 5
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    events = await streamed(engine_http, **fields)
    assert "".join(event.get("delta", "") for event in events) == response["output"][0]["content"][0]["text"]
    assert events[-1]["response"]["status"] == response["status"]


@of_the_module
async def test_a_call_that_must_come_is_one_and_fits(ours: httpx.AsyncClient) -> None:
    fields: dict[str, Any] = {"model": "tiny", "tools": [PICK], "tool_choice": "required", "max_output_tokens": 200}
    events = await streamed(ours, **fields, parallel_tool_calls=False)
    (call,) = events[-1]["response"]["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "pick", "completed")
    assert json.loads(call["arguments"])["a"] in {"left", "right"}
    pieces = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
    assert "".join(pieces) == call["arguments"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "done"}
    talk = [{"role": "user", "content": "Hi"}, call, result]
    assert (await asked(ours, **{**fields, "tool_choice": "none"}, input=talk))["output"][0]["type"] == "message"


@of_the_module
async def test_a_document_fits_its_schema(ours: httpx.AsyncClient) -> None:
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    }
    text = {"format": {"type": "json_schema", "name": "one", "schema": schema}}
    response = await asked(ours, model="tiny", text=text, max_output_tokens=200)
    assert json.loads(response["output"][0]["content"][0]["text"])["ok"] in {True, False}


@of_the_module
async def test_a_schema_that_cannot_be_kept_is_named_by_its_place(ours: httpx.AsyncClient) -> None:
    bad = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}, "required": ["a"]}
    form = {"format": {"type": "json_schema", "name": "one", "schema": bad}}
    place, _ = await refused(ours, model="tiny", text=form)
    assert place.startswith("text.format.schema")
    spaced = {"type": "namespace", "name": "n", "tools": [PICK, {**PICK, "name": "other", "parameters": bad}]}
    place, _ = await refused(ours, model="tiny", tools=[spaced], tool_choice="required")
    assert place.startswith("tools.0.tools.1.parameters")
