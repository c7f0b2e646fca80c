"""Counts a model's weights, and what it keeps per token, from its config: on torch's meta device, without memory."""

import inspect
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from transformers import DynamicCache

from glados_bots.errors import ConfigError, first_line
from glados_bots.inference.model_files.cards import Cache, Shape
from glados_bots.inference.model_files.classes import model_class
from glados_bots.inference.model_files.support import supported

PROBE = 3  # tokens of the forward pass that shows what a model keeps
CHOSEN_EXPERTS = ("num_experts_per_tok", "top_k_experts", "moe_topk", "moe_k", "num_selected_experts")
LISTED_EXPERT = re.compile(r"\.experts\.(\d+)\.")


def shape_of(config: Any) -> Shape:
    """The figures of a model with this config of transformers. Raises ConfigError if its class cannot be made."""
    model = _empty(config)
    total = sum(parameter.numel() for parameter in model.parameters())
    experts, fused = _experts(model), _fused(model)
    used = _share_of_experts(config.get_text_config(), experts)
    caches, state = caches_of(model)
    return Shape(
        parameters=total,
        embedding_parameters=_embeddings(model),
        expert_parameters=sum(size for size, _ in fused),
        active_parameters=total - round((1 - used) * sum(size for size, _ in experts)) if experts else None,
        caches=caches,
        state_bytes=state,
    )


def caches_of(model: Any) -> tuple[tuple[Cache, ...], int]:
    """(what a model keeps of each token, bytes that it keeps of a conversation beside that).

    A forward pass of a few tokens shows it, for every class. The model may be on the meta device.
    """
    config = model.config.get_text_config()
    name = "past_key_values" if "past_key_values" in inspect.signature(model.forward).parameters else "cache_params"
    tokens = torch.ones((1, PROBE), dtype=torch.long, device=model.device)
    try:
        found = DynamicCache(config=model.config)
        with torch.no_grad():
            model(input_ids=tokens, use_cache=True, **{name: found})
        kept = [(_values(layer), getattr(layer, "sliding_window", None)) for layer in found.layers]
        state = sum(map(_state, found.layers))
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError):
        kept, state = _by_heads(config), 0  # on the meta device, a few classes ask for values
    if supported(model.config.to_dict()).way == "paged":
        kept = list(_paged(config, kept))
    groups = Counter((values, window) for values, window in kept if values)
    return tuple(Cache(layers=count, values=values, window=window) for (values, window), count in groups.items()), state


def _empty(config: Any) -> Any:
    """The model without memory for its weights. Classes with vision come from the mapping of image and text."""
    try:
        with torch.device("meta"):
            model = model_class(config).from_config(config, dtype=torch.bfloat16)
    except (ImportError, ValueError, TypeError, RuntimeError, AttributeError, KeyError, ArithmeticError) as error:
        raise ConfigError(
            f"a model of the type {config.model_type} cannot be made from its config ({first_line(error)}); "
            "choose another model, or fetch its config again"
        ) from error
    if model._can_set_experts_implementation():  # noqa: SLF001 - the library has no public question for it
        model.set_experts_implementation("batched_mm")  # the only one that runs on the meta device
    return model.eval()


def _embeddings(model: Any) -> int:
    """The number of weights in tables of tokens and positions and in the head. Quantisation leaves them as they are."""
    head = model.get_output_embeddings()
    modules = [*([head] if head is not None else []), *model.modules()]
    tables = [part for part in modules if part is head or isinstance(part, torch.nn.Embedding)]
    return sum({id(part.weight): part.weight.numel() for part in tables}.values())


def _experts(model: Any) -> list[tuple[int, int]]:
    """(number of weights, number of experts that share them) of each group of experts that take turns."""
    lists: Counter[str] = Counter()
    members: dict[str, set[str]] = {}
    for name, parameter in model.named_parameters():
        if found := LISTED_EXPERT.search(name):
            group = name[: found.start()]
            lists[group] += parameter.numel()
            members.setdefault(group, set()).add(found[1])
    return [*_fused(model), *((size, len(members[group])) for group, size in lists.items())]


def _fused(model: Any) -> list[tuple[int, int]]:
    """The same for experts in one tensor of three dimensions, which quantisation leaves as they are."""
    found = (
        parameter
        for module in model.modules()
        if not isinstance(module, torch.nn.Conv1d)
        for parameter in module.parameters(recurse=False)
        if parameter.dim() == 3 and parameter.shape[0] > 1  # noqa: PLR2004 - experts, outputs, inputs
    )
    return [(parameter.numel(), parameter.shape[0]) for parameter in found]


def _share_of_experts(config: Any, experts: list[tuple[int, int]]) -> float:
    """The share of the experts that one token uses; 1 if the config does not say."""
    chosen = next((value for name in CHOSEN_EXPERTS if isinstance(value := getattr(config, name, None), int)), None)
    return min(1.0, chosen / max(count for _, count in experts)) if chosen and experts else 1.0


def _values(layer: Any) -> int:
    """Numbers that a layer of the cache keeps per token."""
    tensors = (getattr(layer, name, None) for name in ("keys", "values"))
    return sum(t.shape[1] * t.shape[-1] for t in tensors if t is not None and t.dim() == 4)  # noqa: PLR2004


def _state(layer: Any) -> int:
    """Bytes that a layer of the cache keeps of a conversation of any length."""
    states = [state for name in ("conv_states", "recurrent_states") for state in _all(getattr(layer, name, None))]
    return sum(state.numel() * state.element_size() for state in states)


def _all(states: Any) -> Iterator[torch.Tensor]:
    found = states.values() if isinstance(states, dict) else states if isinstance(states, list | tuple) else [states]
    yield from (state for state in found if isinstance(state, torch.Tensor))


def _paged(config: Any, kept: list[tuple[int, int | None]]) -> Iterator[tuple[int, int | None]]:
    """Continuous batching also stores keys and values for layers that share those of others."""
    kinds = getattr(config, "layer_types", None) or ["full_attention"] * len(kept)
    of_kind = {kind: layer for kind, layer in zip(kinds, kept, strict=False) if layer[0]}
    yield from (of_kind.get(kind, layer) for kind, layer in zip(kinds, kept, strict=False))


def _by_heads(config: Any) -> list[tuple[int, int | None]]:
    """What attention layers usually keep: a key and a value per head."""
    if not getattr(config, "num_attention_heads", None) or not getattr(config, "num_hidden_layers", None):
        raise ConfigError(f"a model of the type {config.model_type} does not show what it keeps; choose another model")
    heads = config.num_attention_heads
    multi_query = getattr(config, "multi_query", False)  # GPTBigCode: all heads share one head of keys and values
    kv_heads = 1 if multi_query else getattr(config, "num_key_value_heads", None) or heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    return [(2 * kv_heads * size, None)] * config.num_hidden_layers
