"""Soak test: people ask on three surfaces at once and change their minds; everything fails, and no answer may be lost.

    python benchmarks/soak.py --messages 1000 --workspaces 4 --outages 2 --outage 120 --seed 7

People use tests/fakes/discord, tests/fakes/slack and browsers at the page. The adapters (two processes per chat
platform), the inference service with a scripted engine, and Valkey are real processes, and SIGKILL ends one of them
every few seconds. The platforms fail too: outages, errors, refusals, calls that hang, connections that end. The report
judges what people see in the end. Exit code 1 if the promise was broken.

Slack counts calls per workspace. One answer takes a status line, a session, a beginning and an end, each limited to
some 20 to 50 per minute. So a workspace gets about 15 answers per minute; for more questions, add workspaces or pauses.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "adapters")]

from tests.soak.plan import Plan  # noqa: E402 - found by the path above
from tests.soak.run import Soak  # noqa: E402


def _span(text: str) -> tuple[float, float]:
    shortest, longest = map(float, text.split(":"))
    return shortest, longest


def plan() -> tuple[Plan, Path | None]:
    """(plan, folder) from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1000, help="questions on each platform")
    parser.add_argument("--threads", type=int, default=50, help="threads on each platform")
    parser.add_argument("--platforms", default="discord,slack,web", help="some of these, separated by commas")
    parser.add_argument("--replicas", type=int, default=2, help="adapter processes per chat platform")
    parser.add_argument("--workspaces", type=int, default=4, help="Slack workspaces; Slack counts calls per workspace")
    parser.add_argument("--kill-every", type=_span, default=(4.0, 10.0), help="shortest:longest seconds between kills")
    parser.add_argument("--trouble-every", type=_span, default=(5.0, 20.0), help="the same for a platform's troubles")
    parser.add_argument("--outages", type=int, default=2, help="number of outages per chat platform")
    parser.add_argument("--outage", type=float, default=120.0, help="seconds per outage")
    parser.add_argument(
        "--changed", type=float, default=0.25, help="share of questions that are edited, deleted or redone"
    )
    parser.add_argument("--lease", type=float, default=5.0, help="GLADOS_LEASE, in seconds")
    parser.add_argument("--patience", type=float, default=420.0, help="seconds the last answers may take")
    parser.add_argument("--longest", type=float, default=3600.0, help="seconds after which nobody asks any more")
    parser.add_argument("--pause", type=float, default=0.0, help="mean seconds before each question of a thread")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--folder", type=Path, help="folder for logs and data; without it, they are deleted")
    given = parser.parse_args()
    planned = Plan(
        messages=given.messages, threads=given.threads, platforms=tuple(given.platforms.split(",")),
        replicas=given.replicas, workspaces=given.workspaces, kill_every_s=given.kill_every,
        trouble_every_s=given.trouble_every, outages=given.outages, outage_s=given.outage, changed=given.changed,
        seed=given.seed, lease_s=given.lease, patience_s=given.patience, longest_s=given.longest, pause_s=given.pause,
    )  # fmt: skip
    return planned, given.folder


def main() -> None:
    """Run and print the report. The exit code tells whether the promise held."""
    planned, folder = plan()
    print(f"seed {planned.seed}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(Soak(planned, folder, lambda line: print(line, flush=True)).run())
    print("\n".join(report.lines()))
    sys.exit(0 if report.holds else 1)


if __name__ == "__main__":
    main()
