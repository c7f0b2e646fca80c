"""What a second replica under Ray gains: `python benchmarks/replicas.py`, in an environment with glados-bots[ray].

One replica and two replicas of the small model answer the same load in turn. Each replica has one thread. This needs as
many idle cores as replicas; with fewer, the second replica slows the first.
"""

import argparse
import asyncio
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
PORT = 18_400
TIMEOUT_S = 600
KEY = "of-this-benchmark"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=8, help="requests at once")
    parser.add_argument("--tokens", type=int, default=64, help="tokens per answer")
    parser.add_argument("--rounds", type=int, default=2, help="rounds per number of replicas")
    options = parser.parse_args()
    if importlib.util.find_spec("ray") is None:
        print("skipped: Ray is not installed here; run pip install 'glados-bots[ray]'")
        return
    found: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(options.rounds):
        for replicas, rates in found.items():
            rates.append(asyncio.run(measure(replicas, options.clients, options.tokens)))
            print(f"replicas={replicas}: {rates[-1]:.1f} tokens/s", flush=True)
    one, two = (statistics.median(rates) for rates in found.values())
    print(f"one: {one:.1f} tokens/s, two: {two:.1f} tokens/s, {two / one:.2f} times")


async def measure(replicas: int, clients: int, tokens: int) -> float:
    """Tokens per second with this number of replicas, after a warm-up of each conversation."""
    environment = {
        **os.environ,
        "GLADOS_MODEL": "smollm2_135m",
        "GLADOS_API_KEY": KEY,  # a cluster listens on a network, so it needs a key
        "GLADOS_DATA_DIR": str(ROOT / "data"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'adapters'}",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "120",
    }
    command = [sys.executable, "-m", "tests.deploy.ray_cluster", str(PORT), f"replicas={replicas}"]
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs in this loop
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None or process.stdout.readline() != "running\n":
            raise RuntimeError("the cluster did not start")
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S) as http:
                await asyncio.gather(*(ask(http, number, 1) for number in range(clients)))
                begun = time.monotonic()
                counted = await asyncio.gather(*(ask(http, number, tokens) for number in range(clients)))
                return sum(counted) / (time.monotonic() - begun)
        finally:
            process.communicate("", timeout=TIMEOUT_S)


async def ask(http: httpx.AsyncClient, session: int, tokens: int) -> int:
    """Get one answer. Returns the number of its tokens."""
    question = {"role": "user", "content": f"Tell a long story about the number {session}."}
    body = {"model": "smollm2_135m", "max_tokens": tokens, "temperature": 0, "messages": [question]}
    headers = {"X-Session-Id": f"conversation {session}", "Authorization": f"Bearer {KEY}"}
    response = await http.post(f"http://127.0.0.1:{PORT}/v1/chat/completions", json=body, headers=headers)
    return int(response.raise_for_status().json()["usage"]["completion_tokens"])


if __name__ == "__main__":
    main()
