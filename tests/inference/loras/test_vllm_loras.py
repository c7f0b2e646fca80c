"""LoRAs that come and go in vLLM: by its own endpoints, under names of which none comes back."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from glados_bots.conversation import Message
from glados_bots.errors import EngineDeadError, LoraRefusedError, ModelNotServedError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.vllm_engine.engine import VllmEngine
from glados_bots.wire.events import Delta, Sampling
from tests.fakes import vllm as fake
from tests.inference.tiny import DATA, card, write_base, write_lora
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SAMPLING = Sampling(max_tokens=4, temperature=0.0)


class Vllm(NamedTuple):
    engine: VllmEngine
    home: Path

    def inside(self) -> list[str]:
        """The names of the LoRAs that vLLM has."""
        return list(json.loads((self.home / "loras.json").read_text()))

    def said(self, what: str) -> Any:
        return json.loads((self.home / what).read_text())


@pytest.fixture
async def vllm(tmp_path: Path) -> AsyncIterator[Vllm]:
    program = tmp_path / "vllm"
    program.write_text(f"#!{sys.executable}\n{Path(fake.__file__).read_text()}")
    program.chmod(0o755)
    base = write_base("llama", tmp_path / "base")
    for seed, name in enumerate(("one", "two", "broken")):
        write_lora("llama", base, tmp_path / "loras" / name, seed)
    options = EngineOptions(
        DATA, vllm_command=str(program), loras={"one": tmp_path / "loras" / "one"}, max_loras=2, max_lora_rank=12,
        loras_dir=tmp_path / "loras",
    )  # fmt: skip
    engine = VllmEngine(card(base), options)
    await engine.start()
    yield Vllm(engine, tmp_path)
    await engine.stop()


async def first_token(engine: VllmEngine, model: str) -> str:
    async with aclosing(engine.generate(model, [Message("user", "Hello")], SAMPLING)) as events:
        async for event in events:
            if isinstance(event, Delta):
                return event.text
    raise AssertionError("no answer")


async def test_it_is_started_for_loras_that_come_later(vllm: Vllm) -> None:
    arguments, _, _ = vllm.said("started.json")
    assert arguments[arguments.index("--max-loras") + 1] == "2"
    assert arguments[arguments.index("--max-lora-rank") + 1] == "16"  # the next that vLLM knows
    assert f"one={vllm.home / 'loras' / 'one'}" in arguments


async def test_a_lora_comes_answers_and_goes(vllm: Vllm) -> None:
    engine = vllm.engine
    plain = await first_token(engine, "tiny")
    await engine.load_lora("new", "two")
    assert list(engine.models) == ["tiny", "one", "new"]
    assert engine.loras["new"].root == "two"
    assert vllm.inside() == ["new@1", "one"]
    assert await first_token(engine, "new") != plain
    await engine.load_lora("new", "two", in_place=True)
    await until(lambda: vllm.inside() == ["new@2", "one"])
    await engine.unload_lora("new")
    await until(lambda: vllm.inside() == ["one"])
    with pytest.raises(ModelNotServedError):
        await first_token(engine, "new")
    await engine.unload_lora("one")
    await until(lambda: vllm.inside() == [])
    assert list(engine.models) == ["tiny"]


async def test_an_unloaded_lora_stays_in_vllm_until_its_last_answer_ends(vllm: Vllm) -> None:
    engine = vllm.engine
    await engine.load_lora("new", "two")
    said = 0
    async with aclosing(engine.generate("new", [Message("user", "Hello " * 20)], Sampling(40, 0.0))) as events:
        async for event in events:
            if isinstance(event, Delta) and not said:
                await engine.unload_lora("new")
                await engine.load_lora("new", "two")
                assert vllm.inside() == ["new@1", "new@2", "one"]
            said += isinstance(event, Delta)
    assert said
    await until(lambda: vllm.inside() == ["new@2", "one"])


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("new", "broken", "vLLM refused this: Loading lora new@1 failed"),
        ("new", "../base", "leads out of the folder of LoRAs"),
        ("new", "missing", "No adapter found"),
        ("one", "two", "has already been loaded"),
        ("tiny", "two", "name of a served base model"),
        ("a/b", "two", "choose another name"),
    ],
)
async def test_what_cannot_be_loaded_is_refused_and_nothing_changes(
    vllm: Vllm, name: str, path: str, said: str
) -> None:
    with pytest.raises(LoraRefusedError, match=said):
        await vllm.engine.load_lora(name, path)
    assert list(vllm.engine.models) == ["tiny", "one"]


async def test_a_rank_beyond_the_setting_never_reaches_vllm(vllm: Vllm) -> None:
    write_lora("llama", vllm.home / "base", vllm.home / "loras" / "wide", 9, rank=13)
    with pytest.raises(LoraRefusedError, match="LoRA rank 13 is greater than GLADOS_MAX_LORA_RANK=12"):
        await vllm.engine.load_lora("wide", "wide")
    assert not (vllm.home / "loras.json").exists()


async def test_a_vllm_that_has_ended_is_fatal_and_no_fault_of_the_lora(vllm: Vllm) -> None:
    os.kill(int((vllm.home / "pid").read_text()), signal.SIGKILL)
    await until(lambda: vllm.engine.fatal)
    with pytest.raises(EngineDeadError, match="ended with code -9"):
        await vllm.engine.load_lora("new", "two")
    assert list(vllm.engine.models) == ["tiny", "one"]
