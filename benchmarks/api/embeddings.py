"""How chats and short texts fare while thousands of texts are embedded: `python benchmarks/api/embeddings.py`.

In each round the small chat model answers alone, and again while one caller embeds many texts; another caller then
embeds one short text alone and among them. Figures are medians of the rounds.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glados_bots.conversation import Message
from glados_bots.inference.embeddings.embedder import Embedder, Job
from glados_bots.inference.engine import Engine
from glados_bots.inference.model_files import cards
from glados_bots.inference.run import build_embedder, build_engine
from glados_bots.inference.settings import ServeSettings
from glados_bots.wire.events import Delta, Finished, Sampling

EMBEDDING_MODEL = "all_minilm_l6_v2"
SENTENCE = "The keeper of the lighthouse wrote down what the sea brought in that night. "
QUESTION = "Tell me a story about a lighthouse."
ANSWER_TOKENS = 96


def texts(count: int) -> list[str]:
    """Texts of 1 to 12 sentences."""
    return [f"{place}: " + SENTENCE * (place % 12 + 1) for place in range(count)]


async def embed(embedder: Embedder, inputs: list[str], caller: str) -> tuple[float, int]:
    """(seconds, tokens)."""
    begun, tokens = time.perf_counter(), 0
    async for event in embedder.embed(Job(inputs), caller):
        if isinstance(event, Finished):
            tokens = event.prompt_tokens
    return time.perf_counter() - begun, tokens


async def chat(engine: Engine) -> float:
    """Tokens per second after the first one."""
    first, tokens = 0.0, 0
    async for event in engine.generate(engine.models[0], [Message("user", QUESTION)], Sampling(ANSWER_TOKENS, 0.0)):
        if isinstance(event, Delta):
            first = first or time.perf_counter()
        if isinstance(event, Finished):
            tokens = event.completion_tokens
    return (tokens - 1) / (time.perf_counter() - first)


@contextmanager
def embedding(embedder: Embedder, count: int) -> Iterator[None]:
    """Somebody embeds many texts, over and over."""

    async def forever() -> None:
        while True:
            await embed(embedder, texts(count), "many")

    task = asyncio.create_task(forever())
    try:
        yield
    finally:
        task.cancel()


async def measure(rounds: int, count: int, data: Path) -> None:
    """Print the medians."""
    settings = ServeSettings(model=cards.EMBEDDED, embedding_model=EMBEDDING_MODEL, data_dir=data)
    embedder = build_embedder(settings)
    if embedder is None:
        raise SystemExit(f"there is no card {EMBEDDING_MODEL}")
    await embedder.start()
    engine = build_engine(settings)
    await engine.start()
    alone, beside, short, among, speed = [], [], [], [], []
    for _ in range(rounds):
        alone.append(await chat(engine))
        short.append((await embed(embedder, [SENTENCE], "one"))[0])
        seconds, tokens = await embed(embedder, texts(count // 10), "many")
        speed.append(tokens / seconds)
        with embedding(embedder, count):
            await asyncio.sleep(1)
            beside.append(await chat(engine))
            among.append((await embed(embedder, [SENTENCE], "one"))[0])
    share = statistics.median(b / a for a, b in zip(alone, beside, strict=True))
    print(f"summary: embedding, alone | {statistics.median(speed):.0f} tokens/s")
    print(
        f"summary: a chat while texts are embedded | {share:.2f} of its tokens/s alone ({statistics.median(alone):.0f})"
    )
    waits = f"{statistics.median(among) * 1000:.0f} ms, and {statistics.median(short) * 1000:.0f} ms alone"
    print(f"summary: a short text among {count} texts of another caller | {waits}")
    await engine.stop()
    await embedder.stop()


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--texts", type=int, default=2_000, help="that the other caller embeds")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of converted weights")
    given = parser.parse_args()
    asyncio.run(measure(given.rounds, given.texts, given.data))


if __name__ == "__main__":
    main()
