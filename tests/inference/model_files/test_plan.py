"""Plans: the figures of the cards are those of the models' classes, and what fits follows from them."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    BltConfig,
    ContinuousBatchingConfig,
    DeepseekV3Config,
    DynamicCache,
    Gemma2Config,
    Gemma3Config,
    Gemma3TextConfig,
    Gemma4Config,
    GPTBigCodeConfig,
    GPTNeoXConfig,
    GptOssConfig,
    LlamaConfig,
    Mamba2Config,
    MambaConfig,
    Mistral3Config,
    MixtralConfig,
    Qwen2_5_VLConfig,
    Qwen3MoeConfig,
    Qwen3NextConfig,
    SmolVLMConfig,
)
from transformers.generation.continuous_batching.cache import PagedAttentionCache
from transformers.generation.continuous_batching.distributed import DistributedHelper

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.before_loading import checkpoint
from glados_bots.inference.model_files.before_loading.counting import shape_of
from glados_bots.inference.model_files.before_loading.plan import plan
from glados_bots.inference.model_files.cards import Base, Card, Shape, load_cards
from tests.inference.tiny import card

CARDS = load_cards()
# The sizes published with the models.
NEOX_7B = GPTNeoXConfig(
    vocab_size=50432, hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, intermediate_size=16384
)
NEOX_20B = GPTNeoXConfig(
    vocab_size=50432, hidden_size=6144, num_hidden_layers=44, num_attention_heads=64, intermediate_size=24576
)
STARCODER = GPTBigCodeConfig(vocab_size=49152, n_positions=8192, n_embd=6144, n_layer=40, n_head=48, n_inner=24576)
LLAMA_8B = LlamaConfig(
    vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
    num_key_value_heads=8, max_position_embeddings=131072,
)  # fmt: skip
GEMMA_12B = Gemma3TextConfig(
    vocab_size=262208, hidden_size=3840, intermediate_size=15360, num_hidden_layers=48, num_attention_heads=16,
    num_key_value_heads=8, head_dim=256, sliding_window=1024, max_position_embeddings=131072,
)  # fmt: skip
GEMMA2_9B = Gemma2Config(
    vocab_size=256000, hidden_size=3584, intermediate_size=14336, num_hidden_layers=42, num_attention_heads=16,
    num_key_value_heads=8, head_dim=256,
)  # fmt: skip
QWEN3_30B = Qwen3MoeConfig(
    vocab_size=151936, hidden_size=2048, intermediate_size=6144, num_hidden_layers=48, num_attention_heads=32,
    num_key_value_heads=4, head_dim=128, num_experts=128, num_experts_per_tok=8, moe_intermediate_size=768,
)  # fmt: skip
GPT_OSS_20B = GptOssConfig(num_hidden_layers=24, num_local_experts=32)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("glados_redpajama7b_base", NEOX_7B),
        ("glados_together_20b", NEOX_20B),
        ("neox_20b_full", NEOX_20B),
        ("glados_starcoder", STARCODER),
    ],
)
def test_a_cards_figures_are_counted_from_its_class(name: str, config: object) -> None:
    assert CARDS[name].shape == shape_of(config)


@pytest.mark.parametrize(
    ("config", "billions", "tokens", "gigabytes"),
    [
        (LLAMA_8B, 8.03, 8192, 1.07),
        (LLAMA_8B, 8.03, 131072, 17.18),
        (GEMMA_12B, 11.77, 131072, 8.59 + 0.34),  # 8 layers see all, 40 see 1,024 tokens
        (GEMMA2_9B, 9.24, 8192, 2.11),
        (GPT_OSS_20B, 20.91, 131072, 3.22),
        (QWEN3_30B, 30.53, 40960, 4.03),
        (MixtralConfig(), 46.70, 32768, 4.29),
        (Qwen3NextConfig(), 79.67, 262144, 6.44 + 0.08),  # 12 of 48 layers, and the state of the others
        (DeepseekV3Config(), 671.03, 1024, 0.072),  # transformers keeps the small vector and the rotated key
        (Mamba2Config(), 7.29, 131072, 0.27),  # only a state
        (Mamba2Config(), 7.29, 1, 0.27),
    ],
)
def test_weights_and_cache_are_those_of_the_class(config: Any, billions: float, tokens: int, gigabytes: float) -> None:
    shape = shape_of(config)
    assert shape.parameters / 1e9 == pytest.approx(billions, abs=0.006)
    assert shape.cache_bytes(tokens) / 1e9 == pytest.approx(gigabytes, rel=0.02)


def test_fused_experts_stay_in_bfloat16_and_few_of_them_are_read_for_a_token() -> None:
    shape = shape_of(QWEN3_30B)
    assert shape.expert_parameters == 48 * 128 * 3 * 2048 * 768
    assert shape.active_parameters is not None
    assert shape.active_parameters / 1e9 == pytest.approx(3.35, abs=0.01)
    assert shape_of(LLAMA_8B).active_parameters is None
    assert shape_of(GPT_OSS_20B).expert_parameters > 19e9


@pytest.mark.parametrize(
    "config", [Gemma4Config(), Gemma3Config(), Qwen2_5_VLConfig(), Mistral3Config(), SmolVLMConfig(), MambaConfig()]
)
def test_classes_with_vision_two_head_sizes_or_no_attention_are_planned(config: Any) -> None:
    shape = shape_of(config)
    assert shape.parameters > 1e8
    assert bool(shape.caches) is (config.model_type != "mamba")


def tiny(kind: str, **more: Any) -> Any:
    size = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 6}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}
    return AutoConfig.for_model(kind, **{**size, **heads, **more})


WINDOW = {"sliding_window": 64}
PAGED = [
    tiny("llama"),
    tiny("gemma3_text", **WINDOW),
    tiny("mistral", **WINDOW),
    tiny("qwen2", **WINDOW, use_sliding_window=True, max_window_layers=2),
    tiny("gpt_oss", **WINDOW, num_local_experts=4),
    tiny(
        "gemma3n_text", **WINDOW, num_kv_shared_layers=2, activation_sparsity_pattern=[0.0] * 6,
        vocab_size_per_layer_input=64,
        layer_types=[*["sliding_attention"] * 3, "full_attention", "sliding_attention", "full_attention"],
    ),
]  # fmt: skip
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}
OWN_CACHE = [
    tiny(
        "deepseek_v3", **EXPERTS, kv_lora_rank=16, q_lora_rank=16, qk_rope_head_dim=8, qk_nope_head_dim=8,
        v_head_dim=16, n_routed_experts=4, n_group=1, topk_group=1, head_dim=8,
    ),
    tiny("qwen3_next", **EXPERTS, num_experts=4),
]  # fmt: skip


@pytest.mark.parametrize("config", PAGED, ids=lambda config: str(config.model_type))
@pytest.mark.parametrize("tokens", [32, 640])
def test_continuous_batching_allocates_what_the_plan_says(config: Any, tokens: int) -> None:
    """Windows of 64 tokens: beyond them, the pages of sliding layers are used again."""
    config._attn_implementation = "eager"
    cache = PagedAttentionCache(
        config, ContinuousBatchingConfig(page_size=32, num_blocks=64, max_batch_tokens=64, max_memory_percent=0.5),
        "cpu", DistributedHelper(None, 1), torch.bfloat16,
    )  # fmt: skip
    request: Any = SimpleNamespace(request_id="one", current_len=lambda: 0)
    assert cache.can_store_request_tokens(request, tokens)
    used = sum(len(a.block_table["one"]) * a.bytes_per_block for a in cache.cache_allocators.values())
    assert used == shape_of(config).cache_bytes(tokens)


def test_the_embedded_models_figures_are_those_of_its_file() -> None:
    planned = plan(CARDS["smollm2_135m"])
    assert planned.source.endswith(".gguf")
    assert planned.shape == CARDS["smollm2_135m"].shape


def test_without_the_hub_the_card_is_planned_from_and_a_bare_id_is_refused() -> None:
    """The tests run with HF_HUB_OFFLINE."""
    planned = plan(CARDS["glados_redpajama7b_base"])
    assert "the card" in planned.source
    needs = {need.precision: need for need in planned.needs()}
    assert 13.5e9 < needs["bfloat16"].weights < 14e9
    assert 7e9 < needs["8bit"].weights < 7.5e9
    assert 4e9 < needs["4bit"].weights < 4.5e9
    assert needs["bfloat16"].conversation == 2048 * 524_288
    with pytest.raises(ConfigError, match="cannot be fetched"):
        plan(Card(name="x", base=Base(hub="org/name")))


def folder_of(config: Any, folder: Path, **more: Any) -> Card:
    """A card of a folder with this config.json alone."""
    (folder / "config.json").write_text(json.dumps({**config.to_dict(), **more}))
    return card(folder)


def test_the_window_that_is_planned_is_the_window_that_is_served(tmp_path: Path) -> None:
    bare = folder_of(LLAMA_8B, tmp_path)
    assert plan(bare).window == 8192
    assert plan(bare.model_copy(update={"home": tmp_path})).window == 32768
    assert plan(bare.model_copy(update={"context_length": 4096})).window == 4096
    assert plan(bare, limit=500_000).window == 131_072
    (need, *_) = plan(bare).needs()
    assert need.conversation / 1e9 == pytest.approx(1.07, abs=0.01)


def test_a_quantised_checkpoint_is_as_large_as_its_index_says(tmp_path: Path) -> None:
    awq = folder_of(LLAMA_8B, tmp_path, quantization_config={"quant_method": "awq", "bits": 4})
    (tmp_path / checkpoint.INDEX).write_text(json.dumps({"metadata": {"total_size": 5_730_000_000}}))
    planned = plan(awq)
    (need,) = planned.needs()
    assert (need.precision, need.weights, planned.note) == ("awq", 5.73e9, "")
    (tmp_path / checkpoint.INDEX).unlink()
    assert list(plan(awq).needs()) == []
    (tmp_path / "model.safetensors").write_bytes(bytes(1000))
    assert [need.weights for need in plan(awq).needs()] == [1000]


@pytest.mark.parametrize(
    ("method", "capability", "kernels", "said"),
    [
        ("mxfp4", 9.0, True, ""),
        ("mxfp4", 9.0, False, "pip install kernels"),
        ("mxfp4", 7.0, True, "compute capability 7.0"),
        ("fp8", 9.0, False, ""),
        ("fp8", 8.0, False, "needs 8.9"),
        ("fp8", None, False, "only on a GPU"),
        ("awq", 7.0, False, ""),
    ],
)
def test_a_checkpoint_that_this_machine_cannot_compute_becomes_bfloat16(
    method: str, capability: float | None, kernels: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "capability", lambda: capability)
    monkeypatch.setattr(checkpoint, "lacking", lambda _: "" if kernels else "kernels")
    shape = Shape(parameters=20_000, checkpoint_bytes=13_000)
    loaded, note = checkpoint.as_loaded(shape, method)
    assert said in note
    assert bool(said) is bool(note)
    assert loaded.checkpoint_bytes == (40_000 if said else 13_000)
    assert checkpoint.as_loaded(shape, None) == (shape, "")


def test_a_model_that_no_path_serves_is_planned_as_far_as_its_class_is_known(tmp_path: Path) -> None:
    unknown = folder_of(LLAMA_8B, tmp_path, model_type="unheard_of")
    planned = plan(unknown)
    assert planned.support is not None
    assert planned.support.way is None
    assert (planned.shape, list(planned.needs())) == (None, [])


@pytest.mark.parametrize("config", [Gemma4Config(), Qwen2_5_VLConfig(), Mistral3Config(), MambaConfig(), BltConfig()])
def test_a_config_of_the_hub_is_planned_without_a_traceback(config: Any, tmp_path: Path) -> None:
    planned = plan(folder_of(config, tmp_path))
    assert planned.support is not None
    assert (planned.shape is not None) or planned.support.way is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"hidden_size": "wide"}, "cannot"),
        ({"num_attention_heads": 0}, "cannot"),
        ({"num_hidden_layers": 99_999_999}, "at most 10000"),
    ],
)
def test_a_config_that_makes_no_model_is_one_line(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        plan(folder_of(LLAMA_8B, tmp_path, **fields))
    assert "\n" not in str(refused.value)


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in a layer of a cache, whatever holds them."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors(part)


@pytest.mark.parametrize("config", OWN_CACHE, ids=lambda config: str(config.model_type))
def test_the_models_own_cache_is_as_large_as_the_plan_says(config: Any) -> None:
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    cache = DynamicCache(config=config)
    with torch.no_grad():
        model(input_ids=torch.ones((1, 40), dtype=torch.long), past_key_values=cache)
    kept = [tensor for layer in cache.layers for tensor in tensors(vars(layer))]
    assert sum(tensor.numel() * tensor.element_size() for tensor in kept) == shape_of(config).cache_bytes(40)
