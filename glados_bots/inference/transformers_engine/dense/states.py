"""Joins, selects and copies the caches of a batch, layer by layer.

All rows end at the same place: a shorter row has padding at its left, and the attention mask hides it. So one step adds
one column to every row. A layer of linear attention has a state per row and no columns. Shapes: keys and values
(rows, heads, columns, size); a sliding layer has its last `sliding_window - 1` columns only; states (rows, ...).
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.nn.functional import pad

STATES = ("conv_states", "recurrent_states")  # of the library's linear layers: number of the state -> tensor


def joined(caches: Sequence[Any], columns: int) -> Any:
    """One cache with the rows of all. Args: caches: the library's `DynamicCache`s; columns: the longest one's."""
    together = copy.copy(caches[0])
    together.layers = [_joined(layers, columns) for layers in zip(*(cache.layers for cache in caches), strict=True)]
    return together


def selected(cache: Any, rows: Sequence[int], columns: int) -> Any:
    """A cache with some rows, cut at the left to the columns that the longest of them needs."""

    def chosen(layer: Any) -> Any:
        places = torch.tensor(rows, device=_device(layer))
        return _changed(layer, lambda tensor: tensor[places])

    chosen_rows = copy.copy(cache)
    chosen_rows.layers = [_cut(chosen(layer), columns) for layer in cache.layers]
    return chosen_rows


def snapshot(cache: Any) -> Any:
    """A copy that later steps leave alone. Keys and values are shared, because a step replaces them; states are not."""
    kept = copy.copy(cache)
    kept.layers = [_changed(layer, lambda tensor: tensor, state=torch.clone) for layer in cache.layers]
    return kept


def size(cache: Any) -> int:
    """Bytes of all tensors of a cache."""
    return sum(tensor.nbytes for layer in cache.layers for tensor in _tensors(layer))


def state_size(cache: Any) -> int:
    """Bytes of the states of linear layers, which do not grow with the tokens."""
    return sum(tensor.nbytes for layer in cache.layers for tensor in _states(layer))


def compact(cache: Any) -> Any:
    """The cache without memory that its tensors hold beside what they show, as the part of a larger tensor does."""

    def whole(tensor: Any) -> Any:
        return tensor if tensor.untyped_storage().nbytes() <= tensor.nbytes else tensor.clone()

    small = copy.copy(cache)
    small.layers = [_changed(layer, whole) for layer in cache.layers]
    return small


def _joined(layers: Sequence[Any], columns: int) -> Any:
    """One layer's rows of several caches."""
    first = _changed(layers[0], lambda tensor: tensor)
    if _has_columns(first):
        most = max(layer.keys.shape[-2] for layer in layers)
        for name in ("keys", "values"):
            parts = [getattr(layer, name) for layer in layers]
            setattr(first, name, torch.cat([pad(part, (0, 0, most - part.shape[-2], 0)) for part in parts]))
    for name in STATES:
        for number, state in getattr(first, name, {}).items():
            if state is not None:
                getattr(first, name)[number] = torch.cat([getattr(layer, name)[number] for layer in layers])
    return _counted(first, columns)


def _cut(layer: Any, columns: int) -> Any:
    """A layer without the columns at the left that are padding in every row."""
    if _has_columns(layer):
        for name in ("keys", "values"):
            tensor = getattr(layer, name)
            setattr(layer, name, tensor[:, :, -min(columns, tensor.shape[-2]) :])
    return _counted(layer, columns)


def _counted(layer: Any, columns: int) -> Any:
    if hasattr(layer, "cumulative_length"):  # a sliding layer: its columns do not tell how long the rows are
        layer.cumulative_length = columns
    return layer


def _changed(layer: Any, change: Callable[[Any], Any], state: Callable[[Any], Any] | None = None) -> Any:
    """A copy of a layer with changed tensors. Args: change: of keys and values; state: of states, if different."""
    changed = copy.copy(layer)
    if _has_columns(layer):
        changed.keys, changed.values = change(layer.keys), change(layer.values)
    for name in STATES:
        if hasattr(layer, name):
            states = getattr(layer, name).items()
            setattr(
                changed, name, {key: tensor if tensor is None else (state or change)(tensor) for key, tensor in states}
            )
    return changed


def _has_columns(layer: Any) -> bool:
    return getattr(layer, "keys", None) is not None and layer.keys.numel() > 0


def _tensors(layer: Any) -> Iterator[Any]:
    if _has_columns(layer):
        yield from (layer.keys, layer.values)
    yield from _states(layer)


def _states(layer: Any) -> Iterator[Any]:
    for name in STATES:
        yield from (tensor for tensor in getattr(layer, name, {}).values() if tensor is not None)


def _device(layer: Any) -> Any:
    return next((tensor.device for tensor in _tensors(layer)), None)
