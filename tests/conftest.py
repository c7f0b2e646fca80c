"""Shared fixtures: real servers for each session, flushed for each test, and no way to the hub by accident."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
import redis

from glados_bots import embedded_redis
from glados_bots.store import Client, connect

os.environ["HF_HUB_OFFLINE"] = "1"
for name in [name for name in os.environ if name.startswith("GLADOS_")]:
    del os.environ[name]  # the developer's own settings are not what is tested
for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
    os.environ.pop(name, None)  # nor is the make that runs the tests the parent of those they run


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of this session, on a Unix socket; TEST_REDIS_URL names another one, which is emptied."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    with running_store(store_command("valkey", tmp_path_factory.mktemp("valkey"))) as url:
        yield url


@pytest.fixture(scope="session")
def redis_7_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the system's Redis, which is another program than our embedded Valkey."""
    with running_store(store_command("redis", tmp_path_factory.mktemp("redis"))) as url:
        yield url


def do_without(program: str) -> NoReturn:
    """Skip a test whose program is missing; where changes are judged (CI), that is a failure."""
    text = f"{program} is not installed; tests/system_packages.sh installs it"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def store_command(kind: str, data_dir: Path) -> list[str]:
    """How to start a server with the options of the embedded one; `kind` is valkey or redis."""
    command = embedded_redis.command(data_dir)
    if kind == "valkey":
        return command
    program = shutil.which("redis-server")
    if program is None:
        do_without("redis-server")
    return [program, *command[1:]]


@contextmanager
def running_store(command: list[str], end: signal.Signals = signal.SIGTERM) -> Iterator[str]:
    """A server while it is needed; yields its URL. `end` is how it goes."""
    url = f"unix://{command[command.index('--unixsocket') + 1]}"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for_redis(url)
        yield url
    finally:
        process.send_signal(end)
        process.wait(10)


def wait_for_redis(url: str) -> None:
    """Return when a server answers; bounded."""
    deadline = time.monotonic() + 10
    with redis.Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """URL of an empty database."""
    return _emptied(redis_server, os.environ.get("TEST_REDIS_ADMIN_URL", redis_server))


@pytest.fixture(params=["valkey", "redis"])
def each_redis_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database, on either server: a test file that takes this as its `redis_url` runs on both."""
    url = str(request.getfixturevalue("redis_server" if request.param == "valkey" else "redis_7_server"))
    return _emptied(url, os.environ.get("TEST_REDIS_ADMIN_URL", url) if request.param == "valkey" else url)


def _emptied(url: str, admin_url: str) -> str:
    for each in admin_url.split():  # a cluster has several servers to be emptied
        with redis.Redis.from_url(each) as client:
            client.flushall()
    return url


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    """A connection to an empty database."""
    connection = connect(redis_url)
    yield connection
    await connection.aclose()
