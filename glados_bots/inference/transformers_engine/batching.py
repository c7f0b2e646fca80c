"""Limits of the library's continuous batching: memory for keys and values, requests and tokens per step."""

from typing import Any

import torch
from transformers import ContinuousBatchingConfig

from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files.hardware import memory_gb
from glados_bots.inference.model_files.plan import CACHE_SHARE, cpu_cache, token_bytes
from glados_bots.inference.transformers_engine.cpu.runner import PAGE

CPU_BATCH_TOKENS = 256  # tokens per step; running answers wait this long while a long question is read


def batching(options: EngineOptions, config: Any, context_length: int, *, cuda: bool) -> ContinuousBatchingConfig:
    """The configuration. On a GPU the library fits its cache to the free memory; on a CPU we limit it."""
    chosen: dict[str, Any] = {"max_requests_per_batch": options.max_running}
    if options.cache_gb is not None or not cuda:
        tokens = int(cache_budget(options, cuda=cuda)) // token_bytes(config)
        wanted = min(tokens, context_length * options.max_running)
        chosen["num_blocks"] = max(wanted, context_length) // PAGE + options.max_running
    if not cuda:
        chosen |= {"max_batch_tokens": CPU_BATCH_TOKENS, "use_async_batching": False, "use_cuda_graph": False}
    return ContinuousBatchingConfig(page_size=PAGE, **chosen)


def cache_budget(options: EngineOptions, *, cuda: bool) -> float:
    """Bytes for keys and values: as the operator says, or planned for the device, which has the weights already."""
    if options.cache_gb is not None:
        return options.cache_gb * 1e9
    if not cuda:
        return cpu_cache(memory_gb() * 1e9)
    return sum(torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count())) * CACHE_SHARE
