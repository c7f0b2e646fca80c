"""Decides from a model's config alone how the transformers engine serves it, before any weights are fetched.

Quick, without torch and without the network. `plan`, `pull`, `list`, `doctor`, `auto` and `serve` all ask here.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.before_loading.known_classes import (
    DENSE,
    LATENT,
    LINEAR,
    NO_CHAT,
    OWN_CACHE,
    REFUSED,
    SISTERS,
    SPARSE,
)
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import read_json
from glados_bots.inference.model_files.presence import local_folder

OTHER = "choose another model; see docs/models.md"
EMBEDS = f"if it embeds, name it with --embedding (GLADOS_EMBEDDING_MODEL), else {OTHER}"
WAY_OUT = f"serve it with `--engine vllm` (GLADOS_ENGINE=vllm), or {OTHER}"
MAPPINGS = ("CAUSAL_LM", "IMAGE_TEXT_TO_TEXT")  # of transformers: model type -> class that continues a text
LAYERS = {
    "full_attention": None, "sliding_attention": None, "attention": None,  # paged
    "linear_attention": LINEAR, "mamba": LINEAR, "conv": LINEAR, "hybrid": LINEAR, "hybrid_sliding": LINEAR,
    "moe": LINEAR, "mlp": LINEAR,  # beside linear attention, in Nemotron H
    "chunked_attention": "its attention works in chunks",
}  # fmt: skip
HEADS = ("head_dim", "global_head_dim", "v_head_dim", "swa_head_dim")  # sizes that must be equal
OTHER_TASKS = re.compile(r"For(SequenceClassification|TokenClassification|QuestionAnswering|MaskedLM|RewardModel)$")


@dataclass(frozen=True, slots=True)
class Support:
    """How the engine serves a model.

    paged: with transformers' continuous batching.
    dense: with the model's own cache, in batches of our own.
    None: not at all.
    """

    way: Literal["paged", "dense"] | None
    reason: str = ""  # why not paged; empty if it is
    remedy: str = ""  # what to do if `way` is None


def supported(config: Mapping[str, Any]) -> Support:
    """Judge the content of a config.json."""
    kind = str(config.get("model_type") or "")
    parts = [config, *(part for part in [config.get("text_config")] if isinstance(part, dict))]
    refused = next((reason for part in parts for reason in _refusals(part)), None)
    if refused:
        return _refused(kind, refused)
    if config.get("auto_map"):
        return Support(None, "it needs code of its own (auto_map), which GLaDOS never runs", OTHER)
    if not kind:
        return Support(None, "its config.json names no model_type", "fetch the model again, or " + OTHER)
    known = chat_types()
    if known and kind not in known:
        reason = f"transformers {version('transformers')} has no chat model of the type {kind[:64]!r}"
        return Support(None, reason, WAY_OUT)
    dense = next((reason for part in parts for reason in _peculiarities(part)), None)
    return Support("dense", dense) if dense else Support("paged")


def support_of(card: Card) -> Support | None:
    """Judge a card, from its `[config]` or from the files on this machine; None if neither has a config."""
    folder = local_folder(card)
    config = card.config or (read_json(folder / "config.json") if folder else {})
    return supported(config) if config else None


def require_known(card: Card) -> None:
    """Raise ConfigError if the card or the files on this machine show that the engine cannot serve the model."""
    found = support_of(card)
    if found and found.way is None:
        raise ConfigError(cannot_be_served(card, found.reason, found.remedy))


def require(card: Card, config: Mapping[str, Any]) -> Support:
    """How the engine serves this model. Raises ConfigError with the way out if it cannot."""
    found = supported(config)
    if found.way is None:
        raise ConfigError(cannot_be_served(card, found.reason, found.remedy))
    return found


def cannot_be_served(card: Card, reason: str, remedy: str = WAY_OUT) -> str:
    """The error sentence for a model that cannot be served, fails to load, or fails at its first question."""
    return f"{card.name}: this model cannot be served by transformers ({reason}); {remedy}"


@cache
def chat_types() -> frozenset[str]:
    """The model types that the installed transformers can load as chat models; empty if it is not installed.

    Importing transformers takes 2 s, so this reads the tables in its source.
    """
    found = importlib.util.find_spec("transformers")
    if found is None or found.origin is None:
        return frozenset()
    text = (Path(found.origin).parent / "models" / "auto" / "modeling_auto.py").read_text(encoding="utf-8")
    tables = (
        re.search(rf"^MODEL_FOR_{name}_MAPPING_NAMES = OrderedDict\((.*?)^\)", text, re.DOTALL | re.MULTILINE)
        for name in MAPPINGS
    )
    return frozenset(kind for table in tables if table for kind, _ in ast.literal_eval(table[1].strip()))


def _refused(kind: str, reason: str) -> Support:
    if reason == NO_CHAT:
        return Support(None, reason, EMBEDS)
    sister = f"; {SISTERS[kind]} of the same makers works" if kind in SISTERS else ""
    return Support(None, reason, WAY_OUT + sister)


def _refusals(config: Mapping[str, Any]) -> Iterator[str]:
    """Why neither path serves the model, judged from its config or its text config."""
    known = REFUSED.get(str(config.get("model_type")))
    if known:
        yield known
    architectures = config.get("architectures")
    if config.get("is_encoder_decoder") or any(map(OTHER_TASKS.search, map(str, _listed(architectures)))):
        yield NO_CHAT
    if config.get("index_topk"):
        yield SPARSE
    if any(layer not in LAYERS for layer in _layers(config)):
        yield SPARSE if any("sparse" in layer or "index" in layer for layer in _layers(config)) else OWN_CACHE


def _peculiarities(config: Mapping[str, Any]) -> Iterator[str]:
    """What continuous batching would compute wrongly or not at all, judged from a config or a text config."""
    if config.get("kv_lora_rank"):
        yield LATENT
    attention = config.get("attn_config")
    own = isinstance(attention, dict) and attention.get("alibi")
    if config.get("alibi") or own or config.get("position_embedding_type") == "alibi":
        yield "its attention falls off with the distance (ALiBi)"
    if config.get("attn_logit_softcapping"):
        yield "its attention scores are capped, which continuous batching ignores"
    if len({config[key] for key in HEADS if isinstance(config.get(key), int)}) > 1:
        yield "its attention heads have several sizes"
    yield from filter(None, (LAYERS[layer] for layer in _layers(config)))
    known = DENSE.get(str(config.get("model_type")))
    if known:
        yield known


def _layers(config: Mapping[str, Any]) -> set[str]:
    """The kinds of the model's layers, as far as the config names them."""
    return {str(layer) for layer in _listed(config.get("layer_types"))}


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
