"""Smaller weights: loaded for real where the libraries are installed, refused with the remedy where they are not."""

import importlib.util
import json
from pathlib import Path

import pytest

from glados_bots.errors import ConfigError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.transformers_engine import quantize
from glados_bots.inference.transformers_engine.loading import load_model
from tests.inference.tiny import DATA, answer, card, started, write_base, write_lora

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
LIBRARIES = {"8bit": "torchao", "4bit": "bitsandbytes"}  # on a CPU


@pytest.mark.parametrize("wanted", ["8bit", "4bit"])
async def test_a_quantised_base_answers_with_its_lora_beside_the_weights(tmp_path: Path, wanted: str) -> None:
    pytest.importorskip(LIBRARIES[wanted])
    base = write_base("llama", tmp_path / "base")
    served = card(base, lora=write_lora("llama", base, tmp_path / "lora", seed=1))
    engine = await started(served, quantize=wanted)
    try:
        assert engine.models == ("tiny", "base")
        with_lora, _ = await answer(engine, "Hello there", model="tiny")
        without, _ = await answer(engine, "Hello there", model="base")
        assert with_lora
        assert with_lora != without
        linear = engine._model.get_submodule("model.layers.0.self_attn.q_proj")
        assert "Linear4bit" in type(linear).__name__ or "Int8" in str(type(linear.weight))
    finally:
        await engine.stop()


@pytest.mark.parametrize(("wanted", "cuda", "library"), [("8bit", False, "torchao"), ("8bit", True, "bitsandbytes")])
def test_a_missing_library_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch, wanted: str, cuda: bool, library: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=rf"GLADOS_QUANTIZE={wanted} needs {library}: .*glados-bots\[quantize\]"):
        quantize.quantisation(wanted, cuda=cuda)


def test_weights_as_they_are_need_nothing() -> None:
    assert quantize.quantisation("auto", cuda=False) is None
    assert quantize.quantisation("none", cuda=True) is None


def test_a_checkpoint_that_is_quantised_already_names_what_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_base("llama", tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"quantization_config": {"quant_method": "gptq"}}))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="gptq-quantised; run `pip install gptqmodel`"):
        load_model(tmp_path, card(tmp_path), EngineOptions(DATA))
