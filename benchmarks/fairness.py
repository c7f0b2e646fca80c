"""How long a short question waits behind a long prompt: `python benchmarks/fairness.py`.

In each round one engine answers a short question alone, reads a long prompt alone, and then gets the short question
while it reads another long prompt. The rival is the library's own order, which reads the prompt that began first to its
end; it has an engine of its own, and both take turns. Figures are medians of the rounds' ratios.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock
from uuid import uuid4

from glados_bots.conversation import Message
from glados_bots.inference.engine import Engine
from glados_bots.inference.model_files import cards
from glados_bots.inference.run import build_engine
from glados_bots.inference.settings import ServeSettings
from glados_bots.inference.transformers_engine import paged
from glados_bots.wire.events import Begun, Delta, Finished, Sampling

SENTENCE = "The keeper of the lighthouse wrote down what the sea brought in that night. "  # 16 tokens
SHORT_TOKENS = 16  # of the short question's answer
LATER_S = 0.3  # after which the short question follows the long prompt


async def ask(engine: Engine, text: str, tokens: int) -> tuple[float, float, int]:
    """(seconds to the first word, seconds to the end, tokens of the prompt)."""
    begun, first, count = time.perf_counter(), 0.0, 0
    async for event in engine.generate(engine.models[0], [Message("user", text)], Sampling(tokens, 0.0)):
        match event:
            case Begun(count):
                continue
            case Delta():
                first = first or time.perf_counter() - begun
            case Finished():
                break
    return first, time.perf_counter() - begun, count


async def one_round(engine: Engine, length: int) -> dict[str, float]:
    """The figures of one round. Args: length: of the long prompt in tokens."""

    def long_one() -> str:
        return f"Story {uuid4().hex}. " + SENTENCE * (length // 16) + "Go on."

    def short_one() -> str:
        return f"Note {uuid4().hex[:8]}. Tell me about the sea."

    _, alone, _ = await ask(engine, short_one(), SHORT_TOKENS)
    read_alone, _, count = await ask(engine, long_one(), 4)
    reading = asyncio.create_task(ask(engine, long_one(), 4))
    await asyncio.sleep(LATER_S)
    first, behind, _ = await ask(engine, short_one(), SHORT_TOKENS)
    read_beside, _, _ = await reading
    return {
        "short, behind / alone": behind / alone,
        "long, beside / alone": read_alone / read_beside,
        "short alone s": alone,
        "short's first word behind s": first,
        "long alone tokens/s": count / read_alone,
        "long beside tokens/s": count / read_beside,
    }


@contextmanager
def library_order() -> Iterator[None]:
    """Engines that are made inside keep the library's own order of prompts."""
    with mock.patch.object(paged, "let_short_prompts_in"):
        yield


async def run(length: int, rounds: int) -> None:
    """Measure and print."""
    engines = {"glados": build_engine(ServeSettings(model=cards.EMBEDDED))}
    await engines["glados"].start()
    with library_order():
        engines["library's order"] = build_engine(ServeSettings(model=cards.EMBEDDED))
        await engines["library's order"].start()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
    for number in range(rounds + 1):
        for name, engine in engines.items():
            figures = await one_round(engine, length)
            if number:  # the first round warms up
                found[name].append(figures)
    for name, rows in found.items():
        print(f"{name}: " + ", ".join(f"{key} {statistics.median(row[key] for row in rows):.3g}" for key in rows[0]))
    for engine in engines.values():
        await engine.stop()


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--length", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    asyncio.run(run(options.length, options.rounds))


if __name__ == "__main__":
    main()
