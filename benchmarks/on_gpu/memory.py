"""The plan's memory beside what the engine takes, and what happens if there is too little."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import torch

from benchmarks.asking import QUESTIONS, Answer, ask, new_question
from benchmarks.on_gpu.measuring import GB, Started, peak, speeds, started
from benchmarks.on_gpu.report import LeftOutError, Measured
from benchmarks.on_gpu.setup import Setup
from glados_bots.inference.model_files.before_loading.plan import plan
from glados_bots.inference.model_files.shapes import Need

WINDOW = 2048  # tokens, where the cache holds one conversation
PIECES = tuple(2**power for power in range(33, 19, -1))  # bytes, for filling a GPU


def beside_the_plan(setup: Setup) -> dict[str, Measured]:
    """Rows for weights, cache, and all together."""
    return asyncio.run(_beside_the_plan(setup))


async def _beside_the_plan(setup: Setup) -> dict[str, Measured]:
    need = next(iter(plan(setup.card, setup.token).needs()))  # bfloat16, or the checkpoint's own precision
    async with started(setup) as running:
        await speeds(running.engine, setup, setup.streams)
        weights, cache = running.library.weight_bytes() / GB, running.library.cache_bytes() / GB
        rows = {"weights": _row(need.weights / GB, weights)}
        if setup.device == "cpu":
            return rows | {"cache (the plan is for GPUs)": _row(None, cache)}
        planned = need.cache(setup.machine.memories[0]) / GB
        everything = float(peak(setup)["peak GB"])
        return rows | {
            "cache": _row(planned, cache),
            "everything else": _row(need.overhead / GB, everything - weights - cache),
            "all together": _row(need.weights / GB + planned + need.overhead / GB, everything),
        }


def _row(planned: float | None, used: float) -> Measured:
    ratio = {"used / planned": used / planned} if planned else {}
    return Measured({"planned GB": "-" if planned is None else planned, "used GB": used, **ratio})


@dataclass(slots=True)
class Outcome:
    """How many answers came, and why others did not."""

    answered: int = 0
    errors: list[str] = field(default_factory=list)

    def measured(self, after: str, **figures: float) -> Measured:
        """A row. `after` is the error of the question asked afterwards, or ""."""
        total = self.answered + len(self.errors)
        broken = f"{len(self.errors)} of {total} answers failed: {self.errors[0]}" if len(self.errors) > 1 else ""
        broken = f"the service does not answer afterwards: {after}" if after else broken
        counts: dict[str, float | str] = {
            "asked": float(total), "answered": float(self.answered), "failed": float(len(self.errors)),
            "answers afterwards": "no" if after else "yes", "holds": "no" if broken else "yes",
        }  # fmt: skip
        return Measured({**counts, **figures}, broken=broken)


def small_cache(setup: Setup) -> Measured:
    """The cache holds one conversation, and all streams together need several times as much."""
    card = setup.card.model_copy(update={"context_length": min(setup.card.context_length or WINDOW, WINDOW)})
    need = next(iter(plan(card, setup.token).needs()))
    return asyncio.run(_small_cache(setup, card, need))


async def _small_cache(setup: Setup, card: Any, need: Need) -> Measured:
    async with started(setup, card=card, cache_gb=need.conversation / GB) as running:
        outcome, after = await _asked(running, setup, running.engine.context_length // 3)
        return outcome.measured(after, **{"cache GB": running.library.cache_bytes() / GB})


def full_gpu(setup: Setup) -> Measured:
    """Other tensors leave half of what a step needs beside the cache."""
    if setup.device == "cpu":
        raise LeftOutError("needs CUDA")
    return asyncio.run(_full_gpu(setup))


async def _full_gpu(setup: Setup) -> Measured:
    async with started(setup) as running:
        length = min(running.engine.context_length // 3, 1500)
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        await _asked(running, setup, length)
        step = torch.cuda.max_memory_allocated() - before
        ballast = filled(leave=step // 2)
        outcome, after = await _asked(running, setup, length)
        size = sum(tensor.numel() for tensor in ballast)
        ballast.clear()
        return outcome.measured(after, **{"a step's memory GB": step / GB, "filled GB": size / GB})


def filled(leave: int) -> list[torch.Tensor]:
    """Tensors that take the free memory of the first GPU, except about `leave` bytes."""
    torch.cuda.empty_cache()
    kept = torch.empty(leave, dtype=torch.uint8, device="cuda")
    ballast = list[torch.Tensor]()
    for size in PIECES:
        try:
            while True:
                ballast.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
        except torch.OutOfMemoryError:
            continue
    del kept
    torch.cuda.empty_cache()
    return ballast


async def _asked(running: Started, setup: Setup, length: int) -> tuple[Outcome, str]:
    """Ask with prompts of about `length` tokens on all streams, then one short question."""
    count = max(*setup.some, 8)
    questions = [f"{new_question()} {'word ' * length}" for _ in range(count)]
    answers = await asyncio.gather(
        *(ask(running.engine, question, setup.tokens) for question in questions), return_exceptions=True
    )
    outcome = Outcome(sum(isinstance(answer, Answer) for answer in answers))
    outcome.errors = [str(answer) or type(answer).__name__ for answer in answers if isinstance(answer, BaseException)]
    try:
        await ask(running.engine, QUESTIONS[0], 4)
    except Exception as error:  # noqa: BLE001 - that is what is asked
        return outcome, str(error)
    return outcome, running.engine.fatal or ""
