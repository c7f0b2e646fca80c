"""What a model needs before anything of it is downloaded: weights, cache for keys and values, overhead, by precision.

The figures come from the model's own config, a few kilobytes (on disk, or from the hub), and where that cannot be
reached from the card. Sizes are in bytes; tables show GB of 10^9 bytes.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import folder_checks
from glados_bots.inference.model_files.cards import Card, Shape
from glados_bots.inference.model_files.download import config_of
from glados_bots.inference.model_files.weights import gguf_path, refuse_code

log = logging.getLogger(__name__)

# Bytes of a weight of a linear layer. 8bit: a scale a row; 4bit: NF4 with double quantisation, 4.127 bits.
BYTES = {"bfloat16": 2.0, "8bit": 1.01, "4bit": 0.516}
PLAIN_BYTES = 2.0  # of embeddings and head, which stay in bfloat16
CACHE_VALUE_BYTES = 2  # keys and values in bfloat16
CACHE_SHARE = 0.8  # of what the weights leave: what transformers' continuous batching takes where requests are sampled
OVERHEAD = 1.0e9  # the CUDA context and libraries, and what a step needs beside the cache
CPU_CACHE = 1.5e9  # most of the cache without a GPU
CPU_SHARE = 0.125  # of the machine's memory: weights, page, database and adapters want theirs


@dataclass(frozen=True, slots=True)
class Need:
    """What one precision needs, in bytes."""

    precision: str
    weights: float  # of the model
    conversation: float  # cache of one conversation as long as the context
    overhead: float = OVERHEAD  # the rest

    @property
    def least(self) -> float:
        return self.weights + self.conversation + self.overhead

    def cache(self, memory: float) -> float:
        """Cache left on a GPU of this memory; at most what the service will take."""
        return max(0.0, (memory - self.weights) * CACHE_SHARE - self.overhead)

    def conversations(self, memory: float) -> int:
        """Whole conversations whose cache fits at once; requests beyond that wait."""
        return int(self.cache(memory) // self.conversation)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything `glados models plan` prints."""

    card: Card
    source: str  # where the figures come from
    shape: Shape
    context: int
    token: int  # cache of one token, in bytes
    own: str | None  # the quantisation the checkpoint has itself; then there is nothing to choose

    def needs(self) -> Iterator[Need]:
        linear = self.shape.parameters - self.shape.embedding_parameters
        for precision, size in BYTES.items():
            weights = linear * size + self.shape.embedding_parameters * PLAIN_BYTES
            yield Need(precision, weights, self.token * self.context)


def plan(card: Card, token: str | None = None) -> Plan:
    """Plan a card. Fetches its config at most; raises ConfigError when neither config nor card has the figures."""
    try:
        config, source = _config(card, token)
    except ConfigError as error:
        if card.shape is None:
            raise
        log.info("%s", error)
        return _plan(card, card.shape, "the card, because its config cannot be reached", card.context_length)
    window = getattr(config.get_text_config(), "max_position_embeddings", None)
    own = getattr(config, "quantization_config", None) or {}
    return _plan(card, shape_of(config), source, window, dict(own).get("quant_method") if own else None)


def _plan(card: Card, shape: Shape, source: str, window: int | None, own: str | None = None) -> Plan:
    lengths = [length for length in (card.context_length, window) if length]
    token = _token_bytes(shape.layers, shape.kv_heads, shape.head_size)
    return Plan(card, source, shape, min(lengths, default=8192), token, own)


def shape_of(config: Any) -> Shape:
    """Count a model's weights from its config, on torch's meta device: nothing is allocated."""
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config)
    embeddings = {
        id(part.weight): part.weight for part in (model.get_input_embeddings(), model.get_output_embeddings())
    }
    layers, kv_heads, head_size = _cache_shape(config)
    return Shape(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        embedding_parameters=sum(weight.numel() for weight in embeddings.values()),
        layers=layers,
        kv_heads=kv_heads,
        head_size=head_size,
    )


def token_bytes(config: Any) -> int:
    """Keys and values of one token."""
    return _token_bytes(*_cache_shape(config))


def _token_bytes(layers: int, kv_heads: int, head_size: int) -> int:
    return 2 * CACHE_VALUE_BYTES * layers * kv_heads * head_size


def _cache_shape(config: Any) -> tuple[int, int, int]:
    """Layers, heads of keys and values, and the size of a head."""
    text = config.get_text_config()
    heads = text.num_attention_heads
    multi_query = getattr(text, "multi_query", False)  # GPTBigCode: all heads share one of keys and values
    kv_heads = 1 if multi_query else getattr(text, "num_key_value_heads", None) or heads
    return text.num_hidden_layers, kv_heads, getattr(text, "head_dim", None) or text.hidden_size // heads


def _config(card: Card, token: str | None) -> tuple[Any, str]:
    """The model's config and where it was found. Raises ConfigError when it cannot be had, or wants code of its own."""
    if card.base.gguf:
        path = gguf_path(card)
        try:
            return AutoConfig.from_pretrained(path.parent, gguf_file=path.name), str(path)
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(f"{path}: not a GGUF file that can be read ({error}); fetch it again") from error
    path = config_of(card, token) if card.base.hub else Path(str(card.base.folder)) / "config.json"
    folder_checks.require_closed(path.parent)
    raw = folder_checks.read_json(path)
    refuse_code(path, raw)
    folder_checks.require_bounded(path, raw)
    try:
        return AutoConfig.from_pretrained(path.parent), f"its config ({card.base.hub or path})"
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); fetch it again, or update transformers") from error


def cpu_cache(memory: float) -> float:
    """Bytes for the cache on a machine without a GPU that has this much memory."""
    return min(CPU_CACHE, memory * CPU_SHARE)
