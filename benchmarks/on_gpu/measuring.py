"""Figures of one started engine: speed, first tokens, memory, and answers to fixed questions."""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.asking import FIRST, QUESTIONS, SPEED, ask, at_once, new_question
from benchmarks.on_gpu.library import Library, Switches, observed
from benchmarks.on_gpu.report import Figures, Measured
from benchmarks.on_gpu.setup import Setup
from glados_bots.inference.engine import Engine, EngineOptions
from glados_bots.inference.transformers_engine.engine import TransformersEngine

FIXED = 16  # questions whose answers are compared
FIXED_TOKENS = 16
GB = 1e9


@dataclass(frozen=True, slots=True)
class Started:
    """A running engine and what the library made for it."""

    engine: TransformersEngine
    library: Library


Also = Callable[[Started], Awaitable[Figures]]


@contextlib.asynccontextmanager
async def started(setup: Setup, switches: Switches | None = None, **options: Any) -> AsyncIterator[Started]:
    """The engine with weights as they are, unless `options` say otherwise."""
    chosen: dict[str, Any] = {"quantize": "none", "hf_token": setup.token, **options}
    card = chosen.pop("card", setup.card)
    with observed(switches or Switches()) as library:
        engine = TransformersEngine(card, EngineOptions(setup.data, **chosen))
        await engine.start()
        try:
            yield Started(engine, library)
        finally:
            await engine.stop()


def engine_case(setup: Setup, switches: Switches | None = None, also: Also | None = None, **options: Any) -> Measured:
    """Start an engine and measure it. `also` adds figures. `models` in `options` are asked in rotation."""
    return asyncio.run(_engine_case(setup, switches, also, options))


async def _engine_case(setup: Setup, switches: Switches | None, also: Also | None, options: dict[str, Any]) -> Measured:
    models = options.pop("models", ("",))
    async with started(setup, switches, **options) as running:
        figures: Figures = {**running.library.used(), **await speeds(running.engine, setup, setup.some, models)}
        figures["weights GB"] = running.library.weight_bytes() / GB
        figures |= peak(setup) | (await also(running) if also else {})
        return Measured(figures, await fixed_answers(running.engine, models[0]))


async def speeds(engine: Engine, setup: Setup, counts: Sequence[int], models: Sequence[str] = ("",)) -> Figures:
    """Medians of the rounds, after one round to warm up."""
    found: dict[str, list[float]] = {}
    for number in range(setup.rounds + 1):
        for count in counts:
            tokens = setup.tokens if number else 4
            names = (models[i % len(models)] for i in range(count))
            streams = await at_once([partial(ask, engine, new_question(), tokens, name) for name in names])
            if number:
                found.setdefault(SPEED.format(count), []).append(streams.speed)
                found.setdefault(FIRST.format(count), []).append(streams.first_s * 1000)
    return {name: statistics.median(values) for name, values in found.items()}


async def fixed_answers(engine: Engine, model: str = "") -> tuple[str, ...]:
    """Answers to the fixed questions, all asked at once."""
    answers = await asyncio.gather(*(ask(engine, question, FIXED_TOKENS, model) for question in QUESTIONS[:FIXED]))
    return tuple(answer.text for answer in answers)


def peak(setup: Setup) -> Figures:
    """The most memory that this process took of all GPUs, with the driver's part; on a CPU, of the machine."""
    if setup.device == "cpu":
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return {"peak GB": next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) * 1024 / GB}
    devices = range(torch.cuda.device_count())
    return {"peak GB": sum(_peak_of(device) for device in devices) / GB}


def _peak_of(device: int) -> float:
    if not torch.cuda.max_memory_reserved(device):
        return 0.0
    free, total = torch.cuda.mem_get_info(device)
    return float(total - free - torch.cuda.memory_reserved(device) + torch.cuda.max_memory_reserved(device))
