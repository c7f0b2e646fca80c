"""Limits of the library's continuous batching: memory for keys and values, requests and tokens per step."""

from math import ceil
from typing import Any

import torch
from transformers import ContinuousBatchingConfig

from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files.before_loading.counting import caches_of
from glados_bots.inference.model_files.cards import Shape
from glados_bots.inference.model_files.hardware import memory_gb
from glados_bots.inference.model_files.shapes import cache_on_cpu, cache_on_gpu
from glados_bots.inference.transformers_engine.cpu.runner import PAGE

CPU_BATCH_TOKENS = 256  # tokens per step; running answers wait this long while a long question is read
HALF = 2  # bytes of a number in bfloat16, in which shapes are counted


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
        found = cache_on_gpu(sum(torch.cuda.mem_get_info(device)[0] for device in devices))
    else:
        found = cache_on_cpu(memory_gb() * 1e9)
    return found * HALF / model.dtype.itemsize


def batching(options: EngineOptions, shape: Shape, window: int, memory: float, *, cuda: bool) -> Any:
    """The library's configuration. On a GPU it fits its cache to the free memory, unless GLADOS_CACHE_GB says more.

    Args:
        options: what the engine may use.
        shape: result of `loaded_shape`.
        window: tokens of one conversation, which fit the memory.
        memory: result of `memory_for_cache`.
        cuda: whether the model is on a GPU.
    """
    chosen: dict[str, Any] = {"max_requests_per_batch": options.max_running}
    if options.cache_gb is not None or not cuda:
        wanted = min(memory, shape.cache_bytes(window) * options.max_running)
        chosen["num_blocks"] = ceil(wanted / (PAGE * shape.cache_bytes(1))) + options.max_running
    if not cuda:
        chosen |= {"max_batch_tokens": CPU_BATCH_TOKENS, "use_async_batching": False, "use_cuda_graph": False}
    return ContinuousBatchingConfig(page_size=PAGE, **chosen)
