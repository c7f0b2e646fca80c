"""Keys and values on the GPU of their layer, for a model that accelerate spread over several.

The library keeps one tensor for the whole cache, on the first device. accelerate moves inputs to each layer's device,
but knows nothing of the cache. So each further device gets a tensor of the same shape, and its layers use that one: the
bookkeeping of pages stays one for all.
"""

import copy
from typing import Any

import torch

VIEWS = ("_kv_token_views", "_kv_page_views")  # layer -> its keys and its values, in the library's allocators


def spread(model: Any, cache: Any) -> None:
    """Give the layers that are not on the cache's device a cache on theirs. Call it before the first request."""
    copies: dict[tuple[int, torch.device], Any] = {}
    for layer, device in layer_devices(model).items():
        allocator = cache.layer_to_allocator.get(layer)
        if allocator is None or device == allocator.cache_tensor.device:
            continue
        key = (allocator.index, device)
        if key not in copies:
            copies[key] = _copy_on(cache, allocator, device)
        for views in VIEWS:
            getattr(allocator, views)[layer] = getattr(copies[key], views)[layer]


def layer_devices(model: Any) -> dict[int, torch.device]:
    """Device of each attention layer, by its number."""
    devices: dict[int, torch.device] = {}
    for module in model.modules():
        layer, parameter = getattr(module, "layer_idx", None), next(module.parameters(), None)
        if isinstance(layer, int) and parameter is not None:
            devices[layer] = parameter.device
    return devices


def _copy_on(cache: Any, allocator: Any, device: torch.device) -> Any:
    """The allocator with a tensor of its own on another device; only its views are used."""
    twin = copy.copy(allocator)
    tensor = torch.zeros_like(cache.cache_tensor, device=device)
    usable = cache.num_sectors * cache.bytes_per_sector
    twin.register_cache_tensor(cache.bytes_per_sector, usable, tensor, cache.pool)
    return twin
