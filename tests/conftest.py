"""Shared fixtures: a real Valkey for each session, flushed for each test, and no way to the hub by accident."""

import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from glados_bots import embedded_redis
from glados_bots.store import Client, connect

os.environ["HF_HUB_OFFLINE"] = "1"
for name in [name for name in os.environ if name.startswith("GLADOS_")]:
    del os.environ[name]  # the developer's own settings are not what is tested


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of this session, on a Unix socket; TEST_REDIS_URL names another one, which is emptied."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    data_dir: Path = tmp_path_factory.mktemp("redis")
    process = subprocess.Popen(embedded_redis.command(data_dir), stdout=subprocess.DEVNULL)
    try:
        wait_for_redis(embedded_redis.url(data_dir))
        yield embedded_redis.url(data_dir)
    finally:
        process.terminate()
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
    with redis.Redis.from_url(os.environ.get("TEST_REDIS_ADMIN_URL", redis_server)) as client:
        client.flushall()
    return redis_server


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    """A connection to an empty database."""
    connection = connect(redis_url)
    yield connection
    await connection.aclose()
