"""LoRAs that come and go under streams: `python benchmarks/loras.py`. Fails if an answer fails or a token changes.

Long greedy answers of the base and of one LoRA run at the same time, again and again, while other LoRAs are loaded and
unloaded. Every answer is compared with what the same question got before. It prints what a load takes, and the speed
of the streams with and without room for LoRAs.

How transformers' modules round depends on the size of the batch, in bfloat16 enough to change a token. So the streams
begin in the same step and in the same order each time, and in bfloat16 nobody asks the LoRAs that come and go.
"""

import argparse
import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.asking import ask
from benchmarks.random_loras import RANK, write_loras
from glados_bots.errors import LoraRefusedError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files import cards, choosing, weights
from glados_bots.inference.transformers_engine.engine import TransformersEngine

DATA = Path("data")
QUESTION = "Tell me a story, number {}, about a lighthouse and the people who lived there."
STAYS = "stays"  # the LoRA of some of the streams
PRECISIONS: dict[str, dict[str, Any]] = {
    "as it is served here": {},
    "bfloat16": {"quantize": "none"},
    "float32": {"quantize": "none", "dtype": "float32"},
}


async def start(loras: Path, streams: int, **more: Any) -> TransformersEngine:
    """A started engine."""
    card, _ = choosing.resolve(cards.EMBEDDED)
    engine = TransformersEngine(card, EngineOptions(DATA, max_running=2 * streams, loras_dir=loras, **more))
    await engine.start()
    return engine


@asynccontextmanager
async def paused(engine: TransformersEngine) -> AsyncIterator[None]:
    """Keep the engine between two steps. One thread must begin and end that."""
    pause, loop = engine.scheduler.paused(), asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:
        await loop.run_in_executor(thread, pause.__enter__)
        try:
            yield
        finally:
            await loop.run_in_executor(thread, pause.__exit__, None, None, None)


async def streams_of(engine: TransformersEngine, count: int, tokens: int, models: list[str]) -> tuple[list[str], float]:
    """(answers, tokens per second). They begin in the same step, in the same order."""
    async with paused(engine):
        running = []
        for number, model in zip(range(count), cycle(models), strict=False):
            before = set(engine._outputs)  # noqa: SLF001 - requests on their way to the scheduler
            running.append(asyncio.create_task(ask(engine, QUESTION.format(number), tokens, model)))
            while engine._outputs.keys() <= before:  # noqa: SLF001, ASYNC110 - an engine tells no event of it
                await asyncio.sleep(0.001)
        began = time.perf_counter()
    answers = await asyncio.gather(*running)
    return [one.text for one in answers], sum(one.tokens for one in answers) / (time.perf_counter() - began)


async def come_and_go(engine: TransformersEngine, loads: int, *, asked: bool) -> list[float]:
    """Load and unload LoRAs, one after the other. Returns the seconds of each load."""
    seconds = []
    for number in range(loads):
        name = f"lora{number % 4}"
        began = time.perf_counter()
        while True:
            try:
                await engine.load_lora(name, name)
                break
            except LoraRefusedError as error:
                if error.retry_after is None:
                    raise
                await asyncio.sleep(0.01)
        seconds.append(time.perf_counter() - began)
        if asked:
            await ask(engine, "Hello", 2, name)
        await engine.unload_lora(name)
    return seconds


async def prove(loras: Path, options: argparse.Namespace, name: str) -> list[str]:
    """One row of the table: changes under streams. Raises SystemExit if a token changed."""
    engine = await start(loras, options.streams, max_loras=2, max_lora_rank=RANK, **PRECISIONS[name])
    await engine.load_lora(STAYS, "lora4")
    models = [engine.models[0]] * 3 + [STAYS]
    # The first answers leave pages of their prompts, which later ones find: their steps have other shapes.
    await streams_of(engine, options.streams, options.tokens, models)
    expected, quiet = await streams_of(engine, options.streams, options.tokens, models)
    changing = asyncio.create_task(come_and_go(engine, options.loads, asked=name != "bfloat16"))
    rounds, speeds = 0, []
    while not changing.done():
        answers, speed = await streams_of(engine, options.streams, options.tokens, models)
        rounds += 1
        speeds.append(speed)
        changed = [number for number, pair in enumerate(zip(answers, expected, strict=True)) if pair[0] != pair[1]]
        if changed:
            raise SystemExit(f"{name}, round {rounds}: the answers {changed} changed")
    seconds = await changing
    await engine.stop()
    load = f"{statistics.median(seconds) * 1000:.0f} ms"
    return [name, str(options.loads), str(rounds * options.streams), load, f"{quiet:.1f}", f"{speeds[0]:.1f}"]


async def cost(loras: Path, options: argparse.Namespace) -> list[tuple[str, float]]:
    """(case, tokens per second) of the streams. The engines take turns."""
    plain = await start(loras, options.streams)
    room = await start(loras, options.streams, max_loras=4, max_lora_rank=RANK)
    full = await start(loras, options.streams, max_loras=4, max_lora_rank=RANK)
    for number in range(4):
        await full.load_lora(f"lora{number}", f"lora{number}")
    cases: dict[str, tuple[TransformersEngine, list[str]]] = {
        "no room for LoRAs": (plain, ["smollm2_135m"]),
        "room for 4, none loaded": (room, ["smollm2_135m"]),
        "4 loaded, nobody asks them": (full, ["smollm2_135m"]),
        "4 loaded, one of the streams asks one": (full, ["smollm2_135m"] * (options.streams - 1) + ["lora0"]),
        "4 loaded, all ask them": (full, [f"lora{number}" for number in range(4)]),
    }
    speeds: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(options.rounds + 1):
        for name, (engine, models) in cases.items():
            _, speed = await streams_of(engine, options.streams, options.tokens, models)
            speeds[name] += [speed] if turn else []
    for engine in (plain, room, full):
        await engine.stop()
    return [(name, statistics.median(found)) for name, found in speeds.items()]


async def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    base = weights.fetch(choosing.resolve(cards.EMBEDDED)[0], DATA, None)
    console = Console(width=110)
    with tempfile.TemporaryDirectory() as scratch:
        loras = Path(scratch)
        write_loras(base, loras, 5)
        table = Table("", "loads", "answers, all the same", "a load takes", "tokens/s", "tokens/s meanwhile")
        for name in PRECISIONS:
            row = await prove(loras, options, name)
            console.log(*row)  # each takes minutes
            table.add_row(*row)
        console.print(table)
        table = Table("as it is served here", "tokens/s", "of no room")
        found = await cost(loras, options)
        for name, speed in found:
            table.add_row(name, f"{speed:.1f}", f"{speed / found[0][1]:.2f}")
        console.print(table)
    console.print(f"{options.streams} streams, {options.tokens} tokens per answer, LoRAs of rank {RANK}")


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--loads", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
