"""A model that is larger than the machine is refused before its files are fetched."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaConfig

from glados_bots.errors import ConfigError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files import hardware
from glados_bots.inference.model_files.before_loading import checkpoint
from glados_bots.inference.model_files.before_loading.admission import refuse_too_large
from glados_bots.inference.model_files.cards import Card
from tests.inference.tiny import card

# 16.1 GB in bfloat16, 9.1 GB in 8bit, 5.7 GB in 4bit
LLAMA_8B = LlamaConfig(
    vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
    num_key_value_heads=8, max_position_embeddings=131072,
)  # fmt: skip


@pytest.fixture
def llama(tmp_path: Path) -> Card:
    """Only its config is here."""
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_8B.to_dict()))
    return card(tmp_path)


@pytest.mark.parametrize(
    ("gpus", "options", "fits"),
    [
        ([24], {}, True),
        ([16], {}, False),
        ([16], {"quantize": "8bit"}, True),
        ([8], {"quantize": "8bit"}, False),
        ([8], {"quantize": "4bit"}, True),
        ([12, 12], {}, False),
        ([12, 12], {"multi_gpu": True}, True),
        ([24, 8], {}, True),
        ([8, 24], {}, False),
        ([24, 8], {"multi_gpu": True}, False),  # half of the weights does not fit the small one
        ([], {}, True),
    ],
)
def test_what_the_memory_does_not_hold_is_refused(
    gpus: list[float], options: dict[str, Any], fits: bool, llama: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "gpu_memories_gb", lambda: gpus)
    monkeypatch.setattr(hardware, "memory_gb", lambda: 32.0)
    if fits:
        refuse_too_large(llama, EngineOptions(Path("x"), **options))
        return
    with pytest.raises(ConfigError, match=r"tiny: needs \d+ GB in \w+, and this machine has .* GB of GPU memory; "):
        refuse_too_large(llama, EngineOptions(Path("x"), **options))


def test_without_a_gpu_the_main_memory_counts(llama: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "gpu_memories_gb", list)
    monkeypatch.setattr(hardware, "memory_gb", lambda: 8.0)
    with pytest.raises(ConfigError, match="this machine has 8 GB of memory"):
        refuse_too_large(llama, EngineOptions(Path("x")))


def test_a_checkpoint_counts_by_its_index(llama: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "gpu_memories_gb", lambda: [8.0])
    folder = Path(str(llama.base.folder))
    fields = {**LLAMA_8B.to_dict(), "quantization_config": {"quant_method": "awq"}}
    (folder / "config.json").write_text(json.dumps(fields))
    for size, fits in ((5_700_000_000, True), (9_000_000_000, False)):
        (folder / checkpoint.INDEX).write_text(json.dumps({"metadata": {"total_size": size}}))
        if fits:
            refuse_too_large(llama, EngineOptions(Path("x")))
        else:
            with pytest.raises(ConfigError, match="needs 10 GB in awq"):
                refuse_too_large(llama, EngineOptions(Path("x")))
