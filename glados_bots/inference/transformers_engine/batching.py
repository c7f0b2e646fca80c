"""Limits of the library's continuous batching: memory for keys and values, requests and tokens per step."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import torch
from transformers import ContinuousBatchingConfig

from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files.before_loading.counting import caches_of
from glados_bots.inference.model_files.cards import Shape
from glados_bots.inference.model_files.hardware import memory_gb
from glados_bots.inference.model_files.shapes import BARE_WINDOW, cache_on_cpu, cache_on_gpu
from glados_bots.inference.transformers_engine.cpu.runner import PAGE

CPU_BATCH_TOKENS = 256  # tokens per step; short_first.py says how many of them may be of prompts
PICTURES_SHARE = 0.25  # of the memory for the cache
HALF = 2  # bytes of a number in bfloat16, in which shapes are counted


@dataclass(frozen=True, slots=True)
class CachePlan:
    """The cache for keys and values. Sizes are in bytes, as if all numbers were bfloat16."""

    shape: Shape  # result of `loaded_shape`
    window: int  # tokens of one conversation, which fit the memory
    memory: float  # result of `memory_for_cache`, or a part of it
    is_part: bool = False  # whether the rest of the memory is for something else, such as turns with pictures


def loaded_shape(model: Any) -> Shape:
    """What a loaded model keeps of a conversation."""
    caches, state = caches_of(model)
    return Shape(parameters=model.num_parameters(), caches=caches, state_bytes=state)


def memory_for_cache(options: EngineOptions, model: Any) -> float:
    """Bytes for the cache, as if its numbers were bfloat16. The model is loaded already."""
    size = options.cache_gb
    if size is not None:
        found = size * 1e9
    elif model.device.type == "cuda":
        devices = range(torch.cuda.device_count()) if options.multi_gpu else [model.device]
        # Each GPU gets a tensor for the whole cache: see cache_spread.py
        found = cache_on_gpu(min(torch.cuda.mem_get_info(device)[0] for device in devices))
    else:
        found = cache_on_cpu(memory_gb() * 1e9)
    return float(found * HALF / model.dtype.itemsize)


def batching(options: EngineOptions, plan: CachePlan, *, cuda: bool) -> ContinuousBatchingConfig:
    """The library's configuration. On a GPU it fits its cache to the free memory, unless somebody says how much."""
    chosen: dict[str, Any] = {"max_requests_per_batch": options.max_running}
    if options.cache_gb is not None or plan.is_part or not cuda:
        wanted = min(plan.memory, plan.shape.cache_bytes(plan.window) * options.max_running)
        chosen["num_blocks"] = ceil(wanted / (PAGE * plan.shape.cache_bytes(1))) + options.max_running
    if not cuda:
        chosen |= {"max_batch_tokens": CPU_BATCH_TOKENS, "use_async_batching": False, "use_cuda_graph": False}
    return ContinuousBatchingConfig(page_size=PAGE, **chosen)


def for_pictures(plan: CachePlan) -> tuple[CachePlan, CachePlan]:
    """(the plan for turns without pictures, the plan for turns with pictures), which are computed side by side.

    The second gets a quarter, or enough for a short conversation, but never more than half. Its scheduler takes memory
    only while it has requests, so the tensors of a picture's pass fit there, too.
    """
    short = plan.shape.cache_bytes(min(plan.window, BARE_WINDOW))
    part = min(plan.memory / 2, max(plan.memory * PICTURES_SHARE, short))
    return replace(plan, memory=plan.memory - part, is_part=True), replace(plan, memory=part, is_part=True)


def room_in(cache: Any) -> int:
    """Bytes that the library's cache has for one conversation, whose last sector of each kind of layer is not full."""
    return int((cache.num_sectors - len(cache.cache_allocators) + 1) * cache.bytes_per_sector)
