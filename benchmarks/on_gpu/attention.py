"""Attention paths, CUDA graphs and asynchronous batching, forced or as the library picks them."""

from collections.abc import Awaitable
from functools import partial
from typing import Any

from torch.profiler import ProfilerActivity, profile

from benchmarks.asking import ask, new_question
from benchmarks.on_gpu.library import Switches
from benchmarks.on_gpu.measuring import Started, engine_case
from benchmarks.on_gpu.report import Figures, Measured
from benchmarks.on_gpu.setup import Setup

SIGNS = ("flash", "fmha", "attention", "attn", "softmax")  # in the names of kernels of attention
NAMES = 2  # kernels to show
LONGEST = 70  # characters of a kernel's name


def attention(setup: Setup, kind: str | None) -> Measured:
    """Figures of one path, and the kernels that really ran in a short answer."""
    return engine_case(setup, Switches(attention=kind), also=partial(_kernels, setup.device))


def steps(setup: Setup, graphs: bool | None, asynchronous: bool | None) -> Measured:
    """Figures with these two switches."""
    return engine_case(setup, Switches(graphs=graphs, asynchronous=asynchronous))


async def _kernels(device: str, running: Started) -> Figures:
    try:
        return {"kernels": await seen_kernels(ask(running.engine, new_question(), 4), device)}
    except RuntimeError as error:  # containers may forbid to profile
        return {"kernels": f"not seen: {error}"}


async def seen_kernels(work: Awaitable[object], device: str) -> str:
    """The kernels of attention that ran meanwhile, in any thread, those that took longest first."""
    with profile(**_profiling(device)) as found:
        await work
    averages = sorted(found.key_averages(), key=lambda event: -_time(event, device))
    names = [event.key for event in averages if any(sign in event.key.lower() for sign in SIGNS)]
    return ", ".join(name[:LONGEST] for name in names[:NAMES]) or "none with a known name"


def _profiling(device: str) -> dict[str, Any]:
    """The device sees kernels of all threads by itself; the CPU's operations are those of one thread otherwise."""
    if device == "cuda":
        return {"activities": [ProfilerActivity.CUDA]}
    from torch._C._profiler import _ExperimentalConfig  # noqa: PLC0415 - torch has no public name for it

    return {
        "activities": [ProfilerActivity.CPU],
        "experimental_config": _ExperimentalConfig(profile_all_threads=True),
    }


def _time(event: Any, device: str) -> float:
    return float(event.self_device_time_total if device == "cuda" else event.self_cpu_time_total)
