"""How fast a machine without a GPU would answer: about its memory bandwidth, divided by what one token reads.

We compared the estimate with the embedded model on two cores: see docs/performance.md.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from os import cpu_count
from time import perf_counter

from glados_bots.inference.model_files.cards import Card, Shape
from glados_bots.inference.model_files.shapes import bytes_per_token

ARRAY = 32 * 2**20  # bytes that each thread copies; more than the caches of most processors
MOST_THREADS = 16
ROUNDS = 3
REACHED = 0.55  # share of the bandwidth of copies that reading weights reached with the embedded model
LAYER_S = 0.0013  # seconds that transformers' own modules cost per layer, measured with the embedded model
# Types of models that cpu/step.cpp computes: weights of 8 bits, and a scale of 16 bits for each 32 of them
STEP_TYPES = ("llama", "mistral", "qwen2")
STEP_BYTES = 1 + 2 / 32


@cache
def bandwidth() -> float | None:
    """Bytes per second that all processors together move from and to memory; None without numpy."""
    try:
        import numpy as np  # noqa: PLC0415 - comes with transformers, and takes 0.1 s
    except ModuleNotFoundError:
        return None
    threads = min(cpu_count() or 1, MOST_THREADS)
    pairs = [(np.ones(ARRAY, np.uint8), np.ones(ARRAY, np.uint8)) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        times = [_timed(pool, pairs, np.copyto) for _ in range(ROUNDS)]
    return 2 * ARRAY * threads / min(times)


def tokens_per_second(card: Card, shape: Shape, speed: float) -> float:
    """About how many tokens of one answer a CPU of this bandwidth (bytes per second) computes per second."""
    if card.config.get("model_type") in STEP_TYPES:
        return speed * REACHED / ((shape.active_parameters or shape.parameters) * STEP_BYTES)
    layers = sum(kept.layers for kept in shape.caches)
    return 1 / (bytes_per_token(shape, "bfloat16") / (speed * REACHED) + layers * LAYER_S)


def _timed(pool: ThreadPoolExecutor, pairs: Sequence[tuple[object, object]], copy: object) -> float:
    began = perf_counter()
    list(pool.map(lambda pair: copy(*pair), pairs))  # type: ignore[operator]
    return perf_counter() - began
