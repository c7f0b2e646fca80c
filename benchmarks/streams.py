"""What people see of fifty answers at once in Discord's real limits (5 edits in 5 s per channel, 50 calls per second).

    python benchmarks/streams.py [--streams 50] [--channels 10] [--threads]

It runs the real adapter with tests/fakes/discord and a scripted engine that says four words per second.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "adapters")]

from tests.conftest import running_store, store_command  # noqa: E402 - found by the path above
from tests.soak.recovery import percentile  # noqa: E402
from tests.soak.streams import Outcome, many_streams  # noqa: E402


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--channels", type=int, default=10)
    parser.add_argument("--threads", action="store_true", help="each answer in its own thread")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_store(store_command("valkey", Path(folder))) as url:
        outcome = asyncio.run(
            many_streams(
                url, streams=given.streams, channels=given.channels, words=(40, 80), word_s=0.25,
                in_threads=given.threads,
            )
        )  # fmt: skip
    _print(outcome)


def _print(outcome: Outcome) -> None:
    finals = [stream.final_s for stream in outcome.streams]
    gaps = [stream.longest_gap_s for stream in outcome.streams]
    refused = sorted(set(outcome.refused))[:3]
    print(f"{len(outcome.streams)} streams; calls refused (429): {len(outcome.refused)} {refused}")
    print(f"from the last word to the whole answer: p50 {percentile(finals, 0.5):.2f} s, most {max(finals):.2f} s")
    print(f"longest without news: p50 {percentile(gaps, 0.5):.2f} s, most {max(gaps):.2f} s")


if __name__ == "__main__":
    main()
