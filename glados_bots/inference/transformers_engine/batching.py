"""Limits of the library's continuous batching: memory for keys and values, requests and tokens per step."""

from typing import Any

from transformers import ContinuousBatchingConfig

from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files.hardware import memory_gb
from glados_bots.inference.model_files.plan import cpu_cache, token_bytes
from glados_bots.inference.transformers_engine.cpu.runner import PAGE

CPU_BATCH_TOKENS = 256  # tokens per step; running answers wait this long while a long question is read


def batching(options: EngineOptions, config: Any, context_length: int, *, cuda: bool) -> ContinuousBatchingConfig:
    """The configuration. On a GPU the library fits its cache to the free memory; on a CPU we limit it."""
    chosen: dict[str, Any] = {"max_requests_per_batch": options.max_running}
    size = options.cache_gb
    if size is not None or not cuda:
        budget = size * 1e9 if size is not None else cpu_cache(memory_gb() * 1e9)
        tokens = int(budget) // token_bytes(config)
        wanted = min(tokens, context_length * options.max_running)
        chosen["num_blocks"] = max(wanted, context_length) // PAGE + options.max_running
    if not cuda:
        chosen |= {"max_batch_tokens": CPU_BATCH_TOKENS, "use_async_batching": False, "use_cuda_graph": False}
    return ContinuousBatchingConfig(page_size=PAGE, **chosen)
