"""How many turns per second the store handles, from question to stored answer: `python benchmarks/store.py`.

It uses a real Valkey with the options of the embedded one, and several workers at once; each step is one script.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from glados_bots.conversation import Exchange, Turn  # noqa: E402
from glados_bots.store.connection import connect  # noqa: E402
from glados_bots.store.store import Store  # noqa: E402
from tests.conftest import running_store, store_command  # noqa: E402

QUESTION, ANSWER = "What is a lemon? " * 10, "A lemon is a yellow fruit. " * 40
SCRIPTS = 5  # per turn: accept, claim, note_draft, note_answer, finish


async def accept_all(store: Store, turns: int, threads: int, workers: int) -> float:
    """Save `turns` turns in `threads` conversations. Returns the time in seconds."""

    async def some(first: int) -> None:
        for number in range(first, turns, workers):
            await store.accept(Turn(f"t{number}", f"c{number % threads}", "ada", QUESTION))

    begun = time.perf_counter()
    await asyncio.gather(*(some(first) for first in range(workers)))
    return time.perf_counter() - begun


async def work_off(store: Store, workers: int) -> float:
    """Claim, note and finish turns until none waits. Returns the time in seconds."""

    async def some() -> None:
        while lease := await store.claim():
            exchange = Exchange(lease.turn.id, QUESTION, ANSWER, "done", author="ada", at=time.time(), tokens=300)
            await store.note_draft(lease, ANSWER[:300])
            await store.note_answer(lease, exchange)
            await store.finish(lease, exchange)

    begun = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(workers)))
    return time.perf_counter() - begun


async def run(turns: int, threads: int, workers: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, running_store(store_command("valkey", Path(folder))) as url:
        client = connect(url)
        store = Store(client, "bench", ttl=3600, max_exchanges=50, max_queued=turns)
        accepting = await accept_all(store, turns, threads, workers)
        working = await work_off(store, workers)
        await client.aclose()
    operations = SCRIPTS * turns / (accepting + working)
    print(f"{turns} turns in {threads} conversations, {workers} at once: {turns / accepting:.0f} accepted/s, "
          f"{turns / working:.0f} answered/s")  # fmt: skip
    print(f"summary: store | {operations:.0f} operations/s")


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=500, help="conversations")
    parser.add_argument("--workers", type=int, default=32, help="workers at the same time")
    options = parser.parse_args()
    asyncio.run(run(options.turns, options.threads, options.workers))


if __name__ == "__main__":
    main()
