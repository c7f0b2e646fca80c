"""Plans a model's memory before any download: weights, cache for keys and values, and overhead, by precision.

The figures come from the model's own config, a few kilobytes (on disk, or from the hub). If the config is not
reachable, they come from the card. Sizes are in bytes; tables show GB of 10^9 bytes.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import folder_checks
from glados_bots.inference.model_files.cards import Cache, Card, Shape
from glados_bots.inference.model_files.classes import model_class
from glados_bots.inference.model_files.download import config_of
from glados_bots.inference.model_files.weights import gguf_path, refuse_code

log = logging.getLogger(__name__)

# Bytes per weight of a linear layer. 8bit: one scale per row; 4bit: NF4 with double quantisation, 4.127 bits.
BYTES = {"bfloat16": 2.0, "8bit": 1.01, "4bit": 0.516}
PLAIN_BYTES = 2.0  # per weight of embeddings and head, which stay in bfloat16
CACHE_VALUE_BYTES = 2  # per key or value, in bfloat16
CACHE_SHARE = 0.8  # share of the remaining memory that transformers' continuous batching takes with sampled requests
OVERHEAD = 1.0e9  # the CUDA context and libraries, and what a step needs beside the cache
CPU_CACHE = 1.5e9  # maximum size of the cache without a GPU
CPU_SHARE = 0.125  # maximum share of the machine's memory; weights, page, database and adapters need the rest


@dataclass(frozen=True, slots=True)
class Need:
    """What one precision needs, in bytes."""

    precision: str
    weights: float  # the model's weights
    conversation: float  # the cache of one conversation that fills the context
    overhead: float = OVERHEAD  # everything else

    @property
    def least(self) -> float:
        return self.weights + self.conversation + self.overhead

    def cache(self, memory: float) -> float:
        """The cache that the service will take on a GPU with this much memory."""
        return max(0.0, (memory - self.weights) * CACHE_SHARE - self.overhead)

    def conversations(self, memory: float) -> int:
        """How many whole conversations fit the cache at the same time; further requests wait."""
        return int(self.cache(memory) // self.conversation)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that `glados models plan` prints."""

    card: Card
    source: str  # where the figures come from
    shape: Shape
    context: int
    token: int  # cache per token, in bytes
    own: str | None  # the checkpoint's own quantisation, if any; the operator then has no choice

    def needs(self) -> Iterator[Need]:
        linear = self.shape.parameters - self.shape.embedding_parameters
        for precision, size in BYTES.items():
            weights = linear * size + self.shape.embedding_parameters * PLAIN_BYTES
            yield Need(precision, weights, self.token * self.context)


def plan(card: Card, token: str | None = None) -> Plan:
    """Plan a card. Fetches at most its config. Raises ConfigError if neither config nor card has the figures."""
    try:
        config, source = _config(card, token)
    except ConfigError as error:
        if card.shape is None:
            raise
        log.info("%s", error)
        return _plan(card, card.shape, "the card, because its config is not reachable", card.context_length)
    window = getattr(config.get_text_config(), "max_position_embeddings", None)
    own = getattr(config, "quantization_config", None) or {}
    return _plan(card, shape_of(config), source, window, dict(own).get("quant_method") if own else None)


def _plan(card: Card, shape: Shape, source: str, window: int | None, own: str | None = None) -> Plan:
    lengths = [length for length in (card.context_length, window) if length]
    token = shape.cache_bytes(1)
    return Plan(card, source, shape, min(lengths, default=8192), token, own)


def shape_of(config: Any) -> Shape:
    """Count a model's weights from its config, on torch's meta device, which allocates no memory."""
    with torch.device("meta"):
        model: Any = model_class(config).from_config(config)
    embeddings = {
        id(part.weight): part.weight for part in (model.get_input_embeddings(), model.get_output_embeddings())
    }
    layers, kv_heads, head_size = _cache_shape(config)
    return Shape(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        embedding_parameters=sum(weight.numel() for weight in embeddings.values()),
        caches=(Cache(layers=layers, values=2 * kv_heads * head_size),),
    )


def token_bytes(config: Any) -> int:
    """Bytes for the keys and values of one token."""
    return _token_bytes(*_cache_shape(config))


def _token_bytes(layers: int, kv_heads: int, head_size: int) -> int:
    return 2 * CACHE_VALUE_BYTES * layers * kv_heads * head_size


def _cache_shape(config: Any) -> tuple[int, int, int]:
    """Layers, heads of keys and values, and the size of a head."""
    text = config.get_text_config()
    heads = text.num_attention_heads
    multi_query = getattr(text, "multi_query", False)  # GPTBigCode: all heads share one head of keys and values
    kv_heads = 1 if multi_query else getattr(text, "num_key_value_heads", None) or heads
    return text.num_hidden_layers, kv_heads, getattr(text, "head_dim", None) or text.hidden_size // heads


def _config(card: Card, token: str | None) -> tuple[Any, str]:
    """(the model's config, where it was found). Raises ConfigError if it is not available or needs its own code."""
    if card.base.gguf:
        path = gguf_path(card)
        try:
            return AutoConfig.from_pretrained(path.parent, gguf_file=path.name), str(path)
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(f"{path}: cannot read this file as GGUF ({error}); fetch it again") from error
    path = config_of(card, token) if card.base.hub else Path(str(card.base.folder)) / "config.json"
    folder_checks.require_closed(path.parent)
    raw = folder_checks.read_json(path)
    refuse_code(path, raw)
    folder_checks.require_bounded(path, raw)
    try:
        return AutoConfig.from_pretrained(path.parent), f"its config ({card.base.hub or path})"
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path}: cannot read this file ({error}); fetch it again, or update transformers") from error


def cpu_cache(memory: float) -> float:
    """Bytes for the cache on a machine without a GPU and with this much memory."""
    return min(CPU_CACHE, memory * CPU_SHARE)
