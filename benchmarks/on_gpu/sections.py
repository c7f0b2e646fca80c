"""All sections of the summary, in their order. Does not import torch: cases import it in their own processes."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.on_gpu.report import Case, Section
from benchmarks.on_gpu.setup import Setup

NEEDS_GPU = "needs CUDA"
AS_PICKED = "as the library picks"
LORAS = (1, 4, 8)


def call(module: str, function: str, *args: Any, **kwargs: Any) -> Any:
    """Call a function of this package by name, in the case's process."""
    return getattr(import_module(f"benchmarks.on_gpu.{module}"), function)(*args, **kwargs)


def _case(name: str, setup: Setup, function: str, *args: Any, **kwargs: Any) -> Case:
    """A case that calls `MODULE.FUNCTION` with the setup and further arguments."""
    module, _, attribute = function.partition(".")
    return Case(name, partial(call, module, attribute, setup, *args, **kwargs))


def servers(setup: Setup) -> Section:
    """Ours beside `generate` and vLLM."""
    return Section(
        "servers",
        "Beside transformers.generate and vLLM",
        "Each has the whole machine for itself. Ratios above 1: the first row is better. The service runs at most 16 "
        "requests at once, as the second row shows. `generate` gives a batch of equal requests at once, greedy.",
        [
            _case("GLaDOS, all streams at once", setup, "beside.ours", max_running=max(setup.streams)),
            _case("GLaDOS, as it serves", setup, "beside.ours"),
            _case("transformers.generate, batched", setup, "beside.generate"),
            _case("vLLM", setup, "beside.vllm"),
        ],
        first_is_ours=True,
    )


def attention(setup: Setup) -> Section:
    """The library's choice and each path that can be forced."""
    kinds = ("flash_attention_3", "flash_attention_2", "sdpa", "eager")
    forced = [_case(kind, setup, "attention.attention", kind) for kind in kinds]
    return Section(
        "attention",
        "Attention",
        "`attention` is what the library reports, and `kernels` is what the profiler saw. Ratios above 1: better than "
        "the library's choice.",
        [_case(AS_PICKED, setup, "attention.attention", None), *forced],
    )


def graphs(setup: Setup) -> Section:
    """CUDA graphs and asynchronous batching, both on and off."""
    ways = [(on, together) for on in (True, False) for together in (True, False)]
    forced = [
        _case(f"graphs {_word(on)}, asynchronous {_word(other)}", setup, "attention.steps", on, other)
        for on, other in ways
    ]
    return Section(
        "graphs",
        "CUDA graphs and asynchronous batching",
        "Ratios above 1: better than the library's choice.",
        [_case(AS_PICKED, setup, "attention.steps", None, None), *forced],
        needs="" if setup.device == "cuda" else NEEDS_GPU,
    )


def loras(setup: Setup) -> Section:
    """One LoRA merged, and several beside the weights."""
    beside = [_case(f"{count} beside the weights", setup, "loras.beside", count) for count in LORAS]
    return Section(
        "loras",
        "Several LoRAs",
        "Random LoRAs of rank 16 on all linear layers of attention, asked in rotation. Ratios above 1: better than one "
        "merged LoRA.",
        [_case("one, merged", setup, "loras.merged"), *beside],
    )


def quantisation(setup: Setup) -> Section:
    """Speed and size of the weights by precision."""
    return Section(
        "quantisation",
        "Quantisation",
        "Ratios above 1: better than bfloat16.",
        [_case(name, setup, "quantisation.speed", name) for name in ("bfloat16", "8bit", "4bit")],
    )


def quality(setup: Setup) -> Section:
    """What a precision costs."""
    return Section(
        "quality",
        "Quality by precision",
        "As in benchmarks/quality.py, on four windows of this project's documents, beside bfloat16.",
        [_case(name, setup, "quantisation.quality", name) for name in ("bfloat16", "8bit", "4bit")],
    )


def memory(setup: Setup) -> Section:
    """The plan and the truth."""
    return Section(
        "memory",
        "Memory beside the plan",
        "In bfloat16, after all streams ran at once. The plan is that of `glados models plan`.",
        [_case("memory", setup, "memory.beside_the_plan")],
    )


def out_of_memory(setup: Setup) -> Section:
    """Too little memory, on purpose."""
    return Section(
        "out_of_memory",
        "Out of memory",
        "At most one answer may fail, and the service must answer afterwards.",
        [
            _case("a cache for one conversation", setup, "memory.small_cache"),
            _case("the GPU's memory is full", setup, "memory.full_gpu"),
        ],
    )


def second_gpu(setup: Setup) -> Section:
    """One model on one GPU, and on all of them."""
    count = len(setup.machine.gpus)
    return Section(
        "multi_gpu",
        "Several GPUs",
        "Ratios above 1: better than one GPU.",
        [
            _case("one GPU", setup, "measuring.engine_case"),
            _case("all GPUs", setup, "measuring.engine_case", multi_gpu=True),
        ],
        needs="" if count > 1 else f"needs two GPUs, and this machine has {count or 'none'}",
    )


def _word(on: bool) -> str:
    return "on" if on else "off"


SECTIONS: dict[str, Callable[[Setup], Section]] = {
    "servers": servers,
    "attention": attention,
    "graphs": graphs,
    "loras": loras,
    "quantisation": quantisation,
    "quality": quality,
    "memory": memory,
    "out_of_memory": out_of_memory,
    "multi_gpu": second_gpu,
}
