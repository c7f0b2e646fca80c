"""Memory arithmetic without torch: what a model needs in each precision, the window that is served, and what fits.

`plan`, `auto`, `list`, `doctor` and `serve` all calculate with these functions. Sizes are in bytes.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Card, Shape

# Bytes per weight of a linear layer. 8bit: one scale per row; 4bit: NF4 with double quantisation, 4.127 bits.
BYTES = {"bfloat16": 2.0, "8bit": 1.01, "4bit": 0.516}
PLAIN_BYTES = 2.0  # per weight that quantisation leaves in bfloat16: embeddings, head, and experts in one tensor
CHECKPOINT = "checkpoint"  # the only precision of weights that are quantised on the hub already
CACHE_SHARE = 0.8  # share of the remaining memory that transformers' continuous batching takes with sampled requests
OVERHEAD = 1.0e9  # the CUDA context and libraries, and what a step needs beside the cache
CPU_CACHE = 1.5e9  # maximum size of the cache without a GPU
CPU_SHARE = 0.125  # maximum share of the machine's memory; weights, page, database and adapters need the rest

CARD_WINDOW = 32_768  # tokens of the window that is served, unless GLADOS_CONTEXT_LENGTH says more
BARE_WINDOW = 8_192  # the same for a model without a card, or without a window in its config
SHORTEST_WINDOW = 2_048  # tokens; a model that can hold more is refused if the memory holds fewer


@dataclass(frozen=True, slots=True)
class Need:
    """What one precision needs, in bytes."""

    precision: str
    weights: float  # the model's weights
    conversation: float  # the cache of one conversation that fills the window
    overhead: float = OVERHEAD  # everything else

    @property
    def least(self) -> float:
        return self.weights + self.conversation + self.overhead

    def cache(self, memory: float) -> float:
        """The cache that the service will take on a GPU with this much memory."""
        return cache_on_gpu(memory - self.weights, self.overhead)

    def conversations(self, memory: float) -> int:
        """How many whole conversations fit the cache at the same time; further requests wait."""
        return int(self.cache(memory) // max(1.0, self.conversation))


def in_dtype(need: Need, dtype: str) -> Need:
    """What plain weights of this type need (GLADOS_DTYPE): in float32, weights and cache take twice as much."""
    if dtype != "float32" or need.precision != "bfloat16":
        return need
    return replace(need, precision=dtype, weights=2 * need.weights, conversation=2 * need.conversation)


def needs(shape: Shape, window: int) -> Iterator[Need]:
    """What each precision needs that an operator can choose, for one conversation of `window` tokens."""
    for precision in precisions(shape):
        yield Need(precision, weight_bytes(shape, precision), shape.cache_bytes(window))


def precisions(shape: Shape) -> tuple[str, ...]:
    return (CHECKPOINT,) if shape.checkpoint_bytes else tuple(BYTES)


def weight_bytes(shape: Shape, precision: str) -> float:
    """The size of all weights."""
    if shape.checkpoint_bytes:
        return float(shape.checkpoint_bytes)
    plain = shape.embedding_parameters + shape.expert_parameters
    return (shape.parameters - plain) * BYTES[precision] + plain * PLAIN_BYTES


def bytes_per_token(shape: Shape, precision: str) -> float:
    """The size of the weights that must be read for one token of one answer. Their number limits the speed."""
    active = (shape.active_parameters or shape.parameters) / shape.parameters
    if shape.checkpoint_bytes or not shape.expert_parameters:
        return weight_bytes(shape, precision) * active
    idle = shape.parameters - (shape.active_parameters or shape.parameters)  # all of them are in experts
    return weight_bytes(shape, precision) - idle * PLAIN_BYTES


def cache_on_gpu(free: float, overhead: float = OVERHEAD) -> float:
    """Bytes for the cache on a GPU with this much memory beside the weights."""
    return max(0.0, free * CACHE_SHARE - overhead)


def cache_on_cpu(memory: float) -> float:
    """Bytes for the cache on a machine without a GPU and with this much memory."""
    return min(CPU_CACHE, memory * CPU_SHARE)


def window_of(config: Any) -> int | None:
    """The most tokens that a config of transformers allows; None if it does not say."""
    text = config.get_text_config()
    names = ("max_position_embeddings", "max_seq_len", "n_positions")
    found = (getattr(text, name, None) for name in names)
    return next((int(length) for length in found if length), None)


def wanted_window(card: Card, own: int | None, limit: int | None) -> int:
    """The window in tokens that is served where the memory allows it.

    Args:
        card: the model's card.
        own: the window of the model's config; None if it has none.
        limit: GLADOS_CONTEXT_LENGTH.
    """
    most = min((length for length in (card.context_length, own) if length), default=BARE_WINDOW)
    return min(most, limit or (BARE_WINDOW if card.home is None else CARD_WINDOW))


def tokens_in(shape: Shape, most: int, cache: float) -> int:
    """How many tokens of one conversation, at most `most`, a cache of this many bytes holds."""
    return bisect_right(range(1, most + 1), cache, key=shape.cache_bytes)


def served_window(card: Card, shape: Shape, wanted: int, cache: float) -> int:
    """The window in tokens that the memory for the cache really holds, at most `wanted`.

    Args:
        card: the model's card, for the error.
        shape: the model's caches; its weights do not matter.
        wanted: result of `wanted_window`.
        cache: bytes for the cache.

    Raises:
        ConfigError: no room for one conversation.
    """
    window = tokens_in(shape, wanted, cache)
    if window < min(SHORTEST_WINDOW, wanted):
        raise ConfigError(
            f"{card.name}: no room for one conversation (the memory for the cache, {cache / 1e6:.0f} MB, holds "
            f"{window} tokens); choose a smaller model, --quantize or a larger GLADOS_CACHE_GB, see "
            f"`glados models plan {card.name}`"
        )
    return window
