"""Adapters of the first GLaDOS: converted exactly, which peft 0.1.0's own forward pass proves; nothing in them runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.lora_import import import_lora
from glados_bots.inference.transformers_engine.lora import apply_lora

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # peft's own use of transformers
RECORDED = Path(__file__).parents[1] / "peft010"  # made by record.py beside


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the recorded GPT-NeoX adapter, to be spoilt."""
    return Path(shutil.copytree(RECORDED / "neox" / "adapter", tmp_path / "old"))


def spoil(folder: Path, change: Any) -> None:
    """Change the pickled tensors."""
    tensors = torch.load(folder / "adapter_model.bin", weights_only=True)
    change(tensors)
    torch.save(tensors, folder / "adapter_model.bin")


@pytest.mark.parametrize(("kind", "rank", "layers"), [("neox", 8, 2), ("bigcode", 4, 6)])
def test_the_imported_adapter_computes_what_peft_0_1_0_computed(
    tmp_path: Path, kind: str, rank: int, layers: int
) -> None:
    """The logits with the old adapter in peft 0.1.0 and with the new one in today's peft are the same to rounding."""
    done = import_lora(RECORDED / kind / "adapter", tmp_path)
    assert (done.rank, done.layers, done.base) == (rank, layers, f"tiny/{kind}")
    recorded = load_file(RECORDED / kind / "logits.safetensors")
    base: Any = AutoModelForCausalLM.from_pretrained(RECORDED / kind).eval()
    assert torch.allclose(base(recorded["tokens"]).logits, recorded["base"], atol=1e-6)
    assert (recorded["adapted"] - recorded["base"]).abs().max() > 0.5  # the adapter does something
    adapted = apply_lora(base, tmp_path, f"tiny/{kind}")(recorded["tokens"]).logits
    assert torch.allclose(adapted, recorded["adapted"], atol=2e-6)


def test_what_is_written_is_a_current_adapter_by_the_exact_conversion(tmp_path: Path) -> None:
    """Rank and alpha double, so that the scaling stays; B is zero but for its two rectangles."""
    import_lora(RECORDED / "neox" / "adapter", tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["target_modules"]) == (8, 16, ["query_key_value"])
    assert "enable_lora" not in config
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    old_tensors = torch.load(RECORDED / "neox" / "adapter" / "adapter_model.bin", weights_only=True)
    new_tensors = load_file(tmp_path / "adapter_model.safetensors")
    key = "base_model.model.gpt_neox.layers.1.attention.query_key_value.lora_B.weight"
    expected = torch.zeros(72, 8)
    expected[:24, :4], expected[48:, 4:] = old_tensors[key][:24, :, 0], old_tensors[key][24:, :, 0]
    assert torch.equal(new_tensors[key], expected)


def test_a_current_adapter_is_taken_as_it_is(tmp_path: Path) -> None:
    import_lora(RECORDED / "bigcode" / "adapter", tmp_path / "once")
    import_lora(tmp_path / "once", tmp_path / "twice")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "twice" / name).read_bytes()


class Bomb:
    """What a malicious pickle does when it is read."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("exploded"),))


def test_a_pickle_that_holds_code_is_refused_and_does_not_run(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"x": Bomb()}, old / "adapter_model.bin")
    with pytest.raises(ConfigError, match="more than tensors"):
        import_lora(old, tmp_path / "new")
    assert not (tmp_path / "exploded").exists()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("length", [0, 10, 3000])
def test_a_truncated_file_is_refused(old: Path, tmp_path: Path, length: int) -> None:
    weights = old / "adapter_model.bin"
    weights.write_bytes(weights.read_bytes()[:length])
    with pytest.raises(ConfigError, match=r"adapter_model\.bin: this file is truncated, damaged"):
        import_lora(old, tmp_path / "new")


def test_a_git_lfs_pointer_is_named_with_its_remedy(old: Path, tmp_path: Path) -> None:
    (old / "adapter_model.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(ConfigError, match="git lfs pull"):
        import_lora(old, tmp_path / "new")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("r", 3, "r = 3"),
        ("r", 10**6, "from 1 to 1024"),
        ("enable_lora", [True, True, True], "enable_lora"),
        ("enable_lora", None, "wrong rank"),
        ("peft_type", "PROMPT_TUNING", "peft_type must be LORA"),
        ("modules_to_save", ["lm_head"], "modules_to_save"),
        ("use_dora", True, "use_dora"),
        ("auto_mapping", {"parent_library": "evil"}, "auto_mapping"),
    ],
)
def test_a_config_that_does_not_fit_its_weights_is_refused(
    old: Path, tmp_path: Path, key: str, value: object, said: str
) -> None:
    path = old / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(ConfigError, match=said):
        import_lora(old, tmp_path / "new")


def test_missing_weights_strange_weights_and_no_numbers_are_refused(old: Path, tmp_path: Path) -> None:
    key = "base_model.model.gpt_neox.layers.0.attention.query_key_value.lora_A.weight"
    spoil(old, lambda tensors: tensors.update({key: tensors[key] * float("nan")}))
    with pytest.raises(ConfigError, match="not finite numbers"):
        import_lora(old, tmp_path / "new")
    spoil(old, lambda tensors: tensors.pop(key))
    with pytest.raises(ConfigError, match="needs both A and B"):
        import_lora(old, tmp_path / "new")
    spoil(old, lambda tensors: tensors.update({"lm_head.weight": torch.zeros(2, 2)}))
    with pytest.raises(ConfigError, match=r"lm_head\.weight is not a weight of a LoRA"):
        import_lora(old, tmp_path / "new")


def test_a_folder_without_an_adapter_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"adapter_config\.json is missing"):
        import_lora(tmp_path, tmp_path / "new")
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    with pytest.raises(ConfigError, match="has neither"):
        import_lora(tmp_path, tmp_path / "new")
