"""Soak: numbered questions over many threads, every part killed at random, and nothing may be lost, doubled or mixed.

    python benchmarks/soak.py --messages 3000 --threads 100 --platforms discord,slack --seed 7

The far ends are tests/fakes/discord and tests/fakes/slack; the adapters (two replicas each), the inference service with
a scripted engine, and Valkey are real processes, killed with SIGKILL every few seconds. Exit code 1 when the promise
broke.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "adapters")]

from tests.soak.far_ends import FAR_ENDS  # noqa: E402 - found by the path above
from tests.soak.run import Plan, Soak  # noqa: E402


def plan() -> tuple[Plan, Path | None]:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=3000, help="questions on each platform")
    parser.add_argument("--threads", type=int, default=100)
    parser.add_argument("--platforms", default="discord", help=f"of {', '.join(FAR_ENDS)}, with commas between")
    parser.add_argument("--replicas", type=int, default=2, help="adapter processes of each platform")
    parser.add_argument("--kill-every", default="2:5", help="shortest:longest seconds between two kills")
    parser.add_argument("--lease", type=float, default=5.0, help="GLADOS_LEASE, in seconds")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds the last answers may take")
    parser.add_argument("--longest", type=float, default=3600.0, help="seconds after which nothing more is asked")
    parser.add_argument("--pause", type=float, default=0.0, help="mean seconds before each question of a thread")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--folder", type=Path, help="where logs and data stay; else they are thrown away")
    given = parser.parse_args()
    shortest, longest = map(float, given.kill_every.split(":"))
    platforms = tuple(given.platforms.split(","))
    return Plan(
        given.messages, given.threads, platforms, given.replicas, (shortest, longest), given.seed, given.lease,
        given.patience, longest_s=given.longest, pause_s=given.pause,
    ), given.folder  # fmt: skip


def main() -> None:
    """Run, print, and say by the exit code whether the promise held."""
    planned, folder = plan()
    print(f"seed {planned.seed}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(Soak(planned, folder, lambda line: print(line, flush=True)).run())
    print("\n".join(report.lines()))
    sys.exit(0 if report.holds else 1)


if __name__ == "__main__":
    main()
