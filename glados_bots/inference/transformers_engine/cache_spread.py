"""Puts keys and values on the GPU of their layer, for a model that accelerate has spread over several GPUs.

The library has one tensor for the whole cache, on the first device. accelerate moves inputs to each layer's device, but
knows nothing about the cache. So each other device gets a tensor of the same shape, and its layers use that one. All
devices share the bookkeeping of pages.
"""

import copy
from typing import Any

import torch

VIEWS = ("_kv_token_views", "_kv_page_views")  # layer -> its keys and its values, in the library's allocators


def spread(model: Any, cache: Any) -> None:
    """Give each layer on another device a cache on its own device. Call this before the first request."""
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
    """The device of each attention layer, by layer number."""
    devices: dict[int, torch.device] = {}
    for module in model.modules():
        layer, parameter = getattr(module, "layer_idx", None), next(module.parameters(), None)
        if isinstance(layer, int) and parameter is not None:
            devices[layer] = parameter.device
    return devices


def _copy_on(cache: Any, allocator: Any, device: torch.device) -> Any:
    """A copy of the allocator with its own tensor on another device; only its views are used."""
    twin = copy.copy(allocator)
    tensor = torch.zeros_like(cache.cache_tensor, device=device)
    usable = cache.num_sectors * cache.bytes_per_sector
    twin.register_cache_tensor(cache.bytes_per_sector, usable, tensor, cache.pool)
    return twin
