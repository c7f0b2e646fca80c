"""The Ray Serve application on a real local cluster: two replicas of the small model, one of them killed."""

import asyncio
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import httpx
import psutil
import pytest

from glados_bots.conversation import Turn
from glados_bots.settings import Settings
from glados_bots.store.connection import Client
from glados_bots.store.store import Store
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.worker import Worker
from glados_bots.wire.client import InferenceClient
from tests.deploy.places import DEPLOY, ROOT, load_yaml
from tests.fakes.surface import MemorySurface
from tests.servers import free_port

LONGEST_S = 240
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3 * LONGEST_S),
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'glados-bots[ray]'"
    ),
]


@dataclass
class Cluster:
    url: str
    process: "subprocess.Popen[str]"

    def replicas(self) -> list[psutil.Process]:
        found = []
        for each in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it may end while it is looked at
                if "ServeReplica:glados" in "".join(each.cmdline()):
                    found.append(each)
        return found

    async def keep_asking(self, session: str) -> None:
        while True:
            await self.answered_by(session, 50)

    async def answered_by(self, session: str, tokens: int = 1) -> str:
        body = {"model": "smollm2_135m", "max_tokens": tokens, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"X-Session-Id": session, "Authorization": "Bearer key"}
        async with httpx.AsyncClient(trust_env=False, timeout=LONGEST_S) as http:
            response = await http.post(f"{self.url}/v1/chat/completions", json=body, headers=headers)
        assert response.status_code == 200, response.text
        return response.headers["X-Glados-Replica"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running("replicas=2") as found:
        yield found


@contextmanager
def running(*options: str) -> Iterator[Cluster]:
    port = free_port()
    env = {
        **os.environ,
        "GLADOS_MODEL": "smollm2_135m",
        "GLADOS_API_KEY": "key",
        "GLADOS_DATA_DIR": str(ROOT / "data"),
        "GLADOS_GRACE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'adapters'}",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "120",
    }
    command = [sys.executable, "-m", "tests.deploy.ray_cluster", str(port), *options]
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    said = process.stdout.readline()
    if said != "running\n":
        pytest.fail(f"{said}{process.communicate(timeout=30)[1][-3000:]}")
    try:
        yield Cluster(f"http://127.0.0.1:{port}", process)
    finally:
        process.communicate("", timeout=120)


async def test_a_conversation_stays_with_its_replica_and_both_have_some(cluster: Cluster) -> None:
    sessions = [f"conversation {number}" for number in range(12)]
    first = [await cluster.answered_by(session) for session in sessions]
    assert [await cluster.answered_by(session) for session in sessions] == first
    assert len(set(first)) == 2


async def test_the_key_is_asked_for(cluster: Cluster) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=LONGEST_S) as http:
        assert (await http.get(f"{cluster.url}/v1/models")).status_code == 401


async def test_a_replica_that_is_killed_in_the_middle_costs_no_turn(cluster: Cluster, client: Client) -> None:
    store = Store(client, "ray", ttl=3600, max_exchanges=50, lease_s=5)
    surface = MemorySurface()
    model = InferenceClient(f"{cluster.url}/v1", "key")
    settings = Settings(_env_file=None, max_answer_tokens=150)
    worker = Worker(store, surface, model, Pacer(client, store.prefix), settings)
    working = asyncio.create_task(worker.run())
    turns = [Turn(f"t{number}", f"c{number}", "ada", "Tell a long story about the sea.") for number in range(6)]
    for turn in turns:
        await store.accept(turn)

    deadline = time.monotonic() + LONGEST_S
    while sum(any(view.state == "writing" for view in views) for _, views in surface.ledger.values()) < len(turns):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    victim, survivor = cluster.replicas()
    victim.kill()
    while (await store.load())[0]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)

    await worker.drain(0)
    await working
    await model.aclose()
    assert survivor.is_running()
    for turn in turns:
        (exchange,) = await store.history(turn.conversation)
        assert exchange.outcome == "done", exchange
        assert surface.seen(turn.id) == exchange.answer
        assert surface.last(turn.id).state == "done"


async def test_a_replica_that_was_lost_is_replaced(cluster: Cluster) -> None:
    deadline = time.monotonic() + LONGEST_S
    while len(cluster.replicas()) < 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    while len({await cluster.answered_by(f"conversation {number}") for number in range(12)}) < 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(1)


async def test_a_second_replica_comes_under_load_and_goes_afterwards() -> None:
    options = ["replicas=1", "max_replicas=2", "requests_per_replica=1", "upscale_after_s=1", "downscale_after_s=3"]
    with running(*options) as cluster:
        assert len(cluster.replicas()) == 1
        deadline = time.monotonic() + LONGEST_S
        asking = [asyncio.create_task(cluster.keep_asking(f"conversation {number}")) for number in range(6)]
        while len(cluster.replicas()) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        for task in asking:
            task.cancel()
        ended = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
        while len(cluster.replicas()) > 1:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        assert await cluster.answered_by("afterwards")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own imports
def test_the_config_file_is_one_that_ray_takes() -> None:
    from ray.serve.schema import ServeDeploySchema  # noqa: PLC0415 - Ray may be missing

    from glados_bots.inference.ray_app import Options  # noqa: PLC0415 - same

    config = load_yaml(DEPLOY / "ray" / "serve.yaml")
    schema = ServeDeploySchema(**config)
    (application,) = schema.applications
    assert Options(**application.args).max_replicas == 4
    assert schema.http_options.port == Settings.model_fields["serve_port"].default
