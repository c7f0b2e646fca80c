"""Current peft adapters: merged as they are, and refused with the reason when they do not belong to the base."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from glados_bots.errors import ConfigError
from glados_bots.inference.transformers_engine.lora import apply_lora, read_loras

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")  # peft's own
BASES = Path(__file__).parents[1] / "peft010"


def base(kind: str = "neox") -> Any:
    return AutoModelForCausalLM.from_pretrained(BASES / kind).eval()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """Written by today's peft itself, with a rank of its own for one layer."""
    torch.manual_seed(3)
    config = LoraConfig(
        r=4, lora_alpha=8, target_modules=["query_key_value", "dense"], rank_pattern={"layers.1.attention.dense": 2}
    )
    model = get_peft_model(base(), config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(tmp_path / "adapter")
    tokens = torch.arange(10)[None]
    save_file({"logits": model.eval()(tokens).logits.detach()}, tmp_path / "expected.safetensors")
    return tmp_path / "adapter"


def test_an_adapter_of_todays_peft_loads_as_it_is(adapter: Path) -> None:
    expected = load_file(adapter.parent / "expected.safetensors")["logits"]
    merged = apply_lora(base(), adapter)
    assert torch.allclose(merged(torch.arange(10)[None]).logits, expected, atol=2e-6)


def test_what_is_read_beside_the_weights_is_what_is_merged_into_them(adapter: Path) -> None:
    plain, merged = base(), apply_lora(base(), adapter)
    pairs = read_loras(plain, {"one": adapter})["one"]
    assert len(pairs) == 4
    for name, pair in pairs.items():
        difference = merged.get_submodule(name).weight - plain.get_submodule(name).weight
        assert torch.allclose(pair.b @ pair.a, difference, atol=1e-6)


@pytest.mark.parametrize("use", [apply_lora, lambda model, folder: read_loras(model, {"x": folder})])
def test_the_wrong_base_is_refused(adapter: Path, use: Any) -> None:
    with pytest.raises(ConfigError, match="does not fit the base model"):
        use(base("bigcode"), adapter)


def test_another_bases_name_is_refused_but_a_folders_name_says_nothing(adapter: Path) -> None:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": "org/one"}))
    with pytest.raises(ConfigError, match="made for org/one, not for org/two"):
        apply_lora(base(), adapter, "org/two")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": "/home/me/one"}))
    apply_lora(base(), adapter, "org/two")


def test_missing_strange_and_wrongly_sized_weights_are_named(adapter: Path) -> None:
    weights = adapter / "adapter_model.safetensors"
    tensors = load_file(weights)
    key = min(tensors)
    save_file({name: tensor for name, tensor in tensors.items() if name != key}, weights)
    with pytest.raises(ConfigError, match=f"weights are missing: {key}"):
        apply_lora(base(), adapter)
    save_file({**tensors, "base_model.model.other.lora_A.weight": torch.zeros(4, 4)}, weights)
    with pytest.raises(ConfigError, match=r"has no base_model\.model\.other"):
        apply_lora(base(), adapter)
    save_file({**tensors, key: torch.zeros(3, tensors[key].shape[1])}, weights)
    with pytest.raises(ConfigError, match="the LoRA has another base or another rank"):
        apply_lora(base(), adapter)
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(ConfigError, match="truncated or damaged"):
        apply_lora(base(), adapter)


def test_a_pickled_or_missing_adapter_names_the_command_that_mends_it(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(ConfigError, match="glados models import"):
        apply_lora(base(), adapter)
    shutil.copy(BASES / "neox" / "adapter" / "adapter_model.bin", adapter)
    with pytest.raises(ConfigError, match=r"pickled, which GLaDOS refuses.*glados models import"):
        apply_lora(base(), adapter)


@pytest.mark.parametrize("special", [{"use_dora": True}, {"target_parameters": ["dense_h_to_4h.weight"]}])
def test_what_can_only_be_merged_is_refused_beside_others(tmp_path: Path, special: dict[str, Any]) -> None:
    get_peft_model(base(), LoraConfig(r=2, target_modules=["dense"], **special)).save_pretrained(tmp_path)
    apply_lora(base(), tmp_path)
    with pytest.raises(ConfigError, match="only plain LoRA"):
        read_loras(base(), {"x": tmp_path})


SLOW = "(.*.*.*.*.*.*.*.*.*.*.*.*)*x"  # hours, on the name of any module
UNBOUNDED: list[tuple[dict[str, Any], str]] = [
    ({"r": 10**9}, "r must be a whole number from 1 to 1024"),
    ({"r": 0}, "r must be a whole number"),
    ({"r": 1e9}, "r must be a whole number"),
    ({"r": True}, "r must be a whole number"),
    ({"r": "8"}, "r must be a whole number"),
    ({"lora_alpha": float("inf")}, "lora_alpha must be a number"),
    ({"lora_alpha": 1e300}, "lora_alpha must be a number from"),
    ({"rank_pattern": {"dense": 10**9}}, "rank_pattern must be a whole number"),
    ({"rank_pattern": {SLOW: 4}}, "rank_pattern holds"),
    ({"rank_pattern": [4]}, "rank_pattern must be a table"),
    ({"alpha_pattern": {SLOW: 4}}, "alpha_pattern holds"),
    ({"target_modules": ["dense", SLOW]}, "target_modules holds"),
    ({"target_modules": 7}, "target_modules must be a list"),
    ({"exclude_modules": [SLOW]}, "exclude_modules holds"),
    ({"modules_to_save": [SLOW]}, "modules_to_save holds"),
    ({"layers_pattern": SLOW}, "layers_pattern holds"),
    ({"init_lora_weights": "pissa_niter_1000000"}, "init_lora_weights changes the base"),
    ({"megatron_config": {"x": 1}, "megatron_core": "this"}, "never uses megatron_config"),
    ({"auto_mapping": ["x"], "r": 10**9}, "r must be a whole number"),
]


@pytest.mark.parametrize(("fields", "said"), UNBOUNDED)
def test_what_never_ends_or_fills_the_memory_is_refused_before_weights_are_read(
    adapter: Path, fields: dict[str, Any], said: str
) -> None:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    (adapter / "adapter_model.safetensors").write_bytes(b"nobody reads this")
    with pytest.raises(ConfigError, match=said):
        apply_lora(base(), adapter)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("fields", [{"target_modules": SLOW}, {"exclude_modules": SLOW}])
def test_an_expression_for_modules_is_never_tried_because_the_weights_name_them(
    adapter: Path, fields: dict[str, str]
) -> None:
    expected = load_file(adapter.parent / "expected.safetensors")["logits"]
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    merged = apply_lora(base(), adapter)
    assert torch.allclose(merged(torch.arange(10)[None]).logits, expected, atol=2e-6)
