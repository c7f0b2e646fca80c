"""What is known of a model from its config alone: which path serves it, or why none does."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers.models.auto import modeling_auto as library

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.before_loading.known_classes import DENSE, REFUSED, SISTERS
from glados_bots.inference.model_files.cards import Base, Card, load_cards
from glados_bots.inference.model_files.support import chat_types, require, support_of, supported
from tests.inference.tiny import card

TYPES = library.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES | library.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES


@pytest.mark.parametrize(
    ("config", "way", "reason"),
    [
        ({"model_type": "llama"}, "paged", ""),
        ({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "head_dim": 256}}, "paged", ""),
        ({"model_type": "gpt_oss", "layer_types": ["full_attention", "sliding_attention"]}, "paged", ""),
        ({"model_type": "qwen3_5"}, "dense", "linear attention"),
        ({"model_type": "llama", "layer_types": ["full_attention", "mamba"]}, "dense", "linear attention"),
        ({"model_type": "llama", "layer_types": ["conv"]}, "dense", "convolutions"),
        ({"model_type": "llama", "layer_types": ["chunked_attention"]}, "dense", "chunks"),
        ({"model_type": "deepseek_v3", "kv_lora_rank": 512}, "dense", "MLA"),
        ({"model_type": "mistral3", "text_config": {"model_type": "mistral4", "kv_lora_rank": 8}}, "dense", "MLA"),
        ({"model_type": "mpt"}, "dense", "ALiBi"),
        ({"model_type": "llama", "alibi": True}, "dense", "ALiBi"),
        ({"model_type": "llama", "attn_config": {"alibi": True}}, "dense", "ALiBi"),
        ({"model_type": "llama", "position_embedding_type": "alibi"}, "dense", "ALiBi"),
        ({"model_type": "gemma2"}, "dense", "capped"),
        ({"model_type": "llama", "attn_logit_softcapping": 50.0}, "dense", "capped"),
        ({"model_type": "gemma4", "text_config": {"head_dim": 256, "global_head_dim": 512}}, "dense", "several sizes"),
        ({"model_type": "falcon"}, "dense", "code of its own"),
        ({"model_type": "deepseek_v32", "kv_lora_rank": 512}, None, "index"),
        ({"model_type": "llama", "index_topk": 2048}, None, "index"),
        ({"model_type": "llama", "layer_types": ["deepseek_sparse_attention"]}, None, "index"),
        ({"model_type": "llama", "layer_types": ["spiral"]}, None, "cache of its own"),
        ({"model_type": "rwkv"}, None, "cache of its own"),
        ({"model_type": "bart"}, None, "cannot chat"),
        ({"model_type": "llama", "is_encoder_decoder": True}, None, "cannot chat"),
        ({"model_type": "qwen3", "architectures": ["Qwen3ForSequenceClassification"]}, None, "cannot chat"),
        ({"model_type": "clip"}, None, "no chat model of the type 'clip'"),
        ({"model_type": "m" * 9999}, None, "no chat model of the type"),
        ({"model_type": ["llama"]}, None, "no chat model of the type"),
        ({"model_type": "llama", "text_config": "x", "layer_types": "y", "architectures": 5}, "paged", ""),
        ({}, None, "names no model_type"),
        ({"model_type": "llama", "auto_map": {"AutoModel": "x.Y"}}, None, "auto_map"),
    ],
)
def test_a_config_alone_says_which_path_serves_a_model(config: dict[str, Any], way: str | None, reason: str) -> None:
    found = supported(config)
    assert found.way == way, found
    assert reason in found.reason
    assert bool(found.reason) is (way != "paged")
    assert bool(found.remedy) is (way is None)
    assert len(f"{found.reason}{found.remedy}") < 300


def test_a_refusal_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        require(card(tmp_path), {"model_type": "deepseek_v32"})
    assert "\n" not in str(refused.value)
    assert "`--engine vllm`" in str(refused.value)
    assert "DeepSeek V3.1" in str(refused.value)
    with pytest.raises(ConfigError) as useless:
        require(card(tmp_path), {"model_type": "bert"})
    assert "vllm" not in str(useless.value)
    assert set(SISTERS) <= set(REFUSED)


def test_a_card_is_judged_by_its_config_or_by_the_files_that_are_here(tmp_path: Path) -> None:
    assert support_of(Card(name="x", base=Base(hub="org/none"))) is None
    known = Card(name="x", base=Base(hub="org/none"), config={"model_type": "qwen3_5"})
    assert support_of(known) == supported({"model_type": "qwen3_5"})
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "mamba"}))
    found = support_of(card(tmp_path))
    assert found is not None
    assert found.way is None


def test_every_card_with_a_config_is_served() -> None:
    judged = {name: support_of(shipped) for name, shipped in load_cards().items()}
    assert all(found is None or found.way for found in judged.values()), judged


def test_the_types_are_those_of_the_library() -> None:
    assert chat_types() == set(TYPES)
    assert not set(DENSE) & set(REFUSED)
    assert set(DENSE) | set(REFUSED) <= set(TYPES)


def test_nothing_imports_torch() -> None:
    code = "import sys; from glados_bots.inference.model_files.support import supported; supported({'model_type': 'x'})"
    asked = f"{code}; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


@pytest.mark.slow
def test_a_class_that_continuous_batching_cannot_serve_is_in_a_table() -> None:
    """Continuous batching replaces the attention and knows two kinds of layers; both paths pass the cache by name."""
    faults: dict[str, object] = {}
    for kind in sorted(set(TYPES) - set(REFUSED)):
        found = getattr(transformers, TYPES[kind])
        if "past_key_values" not in inspect.signature(found.forward).parameters:
            faults[kind] = "no cache"
        if kind in DENSE:
            continue
        layers = set(getattr(found.config_class().get_text_config(), "layer_types", None) or [])
        if found._is_stateful or not found._supports_attention_backend:
            faults[kind] = "another cache or attention"
        if not layers <= {"full_attention", "sliding_attention"}:
            faults[kind] = layers
    assert not faults
