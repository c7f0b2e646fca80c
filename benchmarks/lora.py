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
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForCausalLM

from glados_bots.conversation import Message
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files import cards, choosing, weights
from glados_bots.inference.transformers_engine.engine import TransformersEngine
from glados_bots.wire.events import Finished, Sampling

DATA = Path("data")
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj"]
QUESTION = "Tell me a story, number {}, about a lighthouse and the people who lived there."


def write_lora(base: Path, folder: Path, seed: int) -> Path:
    """Write a random LoRA, small enough not to change the length of answers. Returns its folder."""
    torch.manual_seed(seed)
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=TARGETS))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.002)
    model.save_pretrained(folder)
    return folder


async def start(card: cards.Card, loras: dict[str, Path], streams: int) -> TransformersEngine:
    """A started engine on the library's path."""
    options = EngineOptions(DATA, loras=loras, quantize="none", max_running=streams)
    engine = TransformersEngine(card, options)
    await engine.start()
    return engine


async def ask(engine: TransformersEngine, model: str, number: int, tokens: int) -> int:
    """Get one answer. Returns the number of its tokens."""
    question = [Message("user", QUESTION.format(number))]
    async for event in engine.generate(model, question, Sampling(max_tokens=tokens, temperature=0.0)):
        if isinstance(event, Finished):
            return event.completion_tokens
    raise RuntimeError("no answer")


async def speed(engine: TransformersEngine, models: Sequence[str], streams: int, tokens: int, begin: int) -> float:
    """Tokens per second of all streams together, with the models in rotation."""
    began = time.perf_counter()
    answers = (ask(engine, models[i % len(models)], begin + i, tokens) for i in range(streams))
    return sum(await asyncio.gather(*answers)) / (time.perf_counter() - began)


async def in_turn(engine: TransformersEngine, models: Sequence[str], streams: int, tokens: int, begin: int) -> float:
    """Tokens per second for the same work, one LoRA after another."""
    began, total, share = time.perf_counter(), 0, streams // len(models)
    for index, model in enumerate(models):
        answers = (ask(engine, model, begin + index * share + i, tokens) for i in range(share))
        total += sum(await asyncio.gather(*answers))
    return total / (time.perf_counter() - began)


async def run(streams: int, tokens: int, rounds: int) -> None:
    """Measure and print."""
    card, _ = choosing.resolve(cards.EMBEDDED)
    base = weights.fetch(card, DATA, None)
    with tempfile.TemporaryDirectory() as scratch:
        loras = {f"lora{i}": write_lora(base, Path(scratch) / str(i), i) for i in range(8)}
        merged = await start(card.model_copy(update={"lora": loras["lora0"]}), {}, streams)
        beside = {count: await start(card, dict(list(loras.items())[:count]), streams) for count in (1, 4, 8)}
        cases: dict[str, Any] = {"one LoRA, merged": (speed, merged, [card.name])}
        for count, engine in beside.items():
            cases[f"{count} beside the weights, mixed"] = (speed, engine, list(loras)[:count])
        cases["4 beside the weights, in turn"] = (in_turn, beside[4], list(loras)[:4])
        results: dict[str, list[float]] = {name: [] for name in cases}
        for turn in range(rounds + 1):  # the first round warms up
            for name, (measure, engine, models) in cases.items():
                figure = await measure(engine, models, streams, tokens, 1000 * turn)
                results[name] += [figure] if turn else []
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
