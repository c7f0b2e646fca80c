"""What LoRAs beside the weights cost, and what batching across them gains: `python benchmarks/lora.py`.

It uses random LoRAs (rank 16, every linear layer of attention) on the embedded model, greedy answers, and the library's
path in bfloat16. Each engine answers the same questions at once. Engines take turns in each round, so that a busy
machine slows all of them alike; figures are medians. "in turn" runs one LoRA after another, like a service that cannot
mix LoRAs in a batch.
"""

import argparse
import asyncio
import logging
import statistics
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.asking import ask, at_once
from benchmarks.random_loras import write_loras
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files import cards, choosing, weights
from glados_bots.inference.transformers_engine.engine import TransformersEngine

DATA = Path("data")
QUESTION = "Tell me a story, number {}, about a lighthouse and the people who lived there."


async def start(card: cards.Card, loras: dict[str, Path], streams: int) -> TransformersEngine:
    """A started engine on the library's path."""
    options = EngineOptions(DATA, loras=loras, quantize="none", max_running=streams)
    engine = TransformersEngine(card, options)
    await engine.start()
    return engine


async def mixed(
    engine: TransformersEngine, models: Sequence[str], streams: int, tokens: int, begin: int
) -> tuple[int, float]:
    """(tokens, seconds) of all streams together, with the models in rotation."""
    questions = (QUESTION.format(begin + i) for i in range(streams))
    found = await at_once(
        [partial(ask, engine, text, tokens, models[i % len(models)]) for i, text in enumerate(questions)]
    )
    return found.tokens, found.seconds


async def in_turn(
    engine: TransformersEngine, models: Sequence[str], streams: int, tokens: int, begin: int
) -> tuple[int, float]:
    """(tokens, seconds) of the same work, one LoRA after another."""
    share = streams // len(models)
    each = [await mixed(engine, [name], share, tokens, begin + i * share) for i, name in enumerate(models)]
    return sum(count for count, _ in each), sum(seconds for _, seconds in each)


async def run(streams: int, tokens: int, rounds: int) -> None:
    """Measure and print."""
    card, _ = choosing.resolve(cards.EMBEDDED)
    base = weights.fetch(card, DATA, None)
    with tempfile.TemporaryDirectory() as scratch:
        loras = write_loras(base, Path(scratch), 8)
        merged = await start(card.model_copy(update={"lora": loras["lora0"]}), {}, streams)
        beside = {count: await start(card, dict(list(loras.items())[:count]), streams) for count in (1, 4, 8)}
        cases: dict[str, Any] = {"one LoRA, merged": (mixed, merged, [card.name])}
        for count, engine in beside.items():
            cases[f"{count} beside the weights, mixed"] = (mixed, engine, list(loras)[:count])
        cases["4 beside the weights, in turn"] = (in_turn, beside[4], list(loras)[:4])
        results: dict[str, list[float]] = {name: [] for name in cases}
        for turn in range(rounds + 1):  # the first round warms up
            for name, (measure, engine, models) in cases.items():
                count, seconds = await measure(engine, models, streams, tokens, 1000 * turn)
                results[name] += [count / seconds] if turn else []
        for engine in (merged, *beside.values()):
            await engine.stop()
    table = Table("", "tokens/s", "of one merged")
    first = statistics.median(results["one LoRA, merged"])
    for name, figures in results.items():
        table.add_row(name, f"{statistics.median(figures):.1f}", f"{statistics.median(figures) / first:.2f}")
    Console(width=100).print(table)
    Console(width=100).print(f"{streams} streams, {tokens} tokens per answer, medians of {rounds} rounds")


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(run(options.streams, options.tokens, options.rounds))


if __name__ == "__main__":
    main()
