"""Shared fixtures: real servers for each session, flushed for each test, and no way to the hub by accident."""

import gc
import logging
import os
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest
import redis

from glados_bots.attachments import child_process
from glados_bots.processes import watchdog
from glados_bots.store import embedded
from glados_bots.store.connection import Client, connect
from tests.spreading import (
    pytest_collection_modifyitems,
    pytest_ignore_collect,
    pytest_itemcollected,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_ignore_collect",
    "pytest_itemcollected",
    "pytest_xdist_auto_num_workers",
    "pytest_xdist_make_scheduler",
]  # pytest finds them here

USERS = Path(__file__).parents[1] / "deploy" / "redis" / "users.acl"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_WAIT_POLICY"] = "passive"  # several workers compute on few cores: threads that wait must not spin
# Every HTTP client reads all the certificates of the system, 20 ms each time; hundreds of tests make some.
ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]
for name in [name for name in os.environ if name.startswith("GLADOS_")]:
    del os.environ[name]  # the developer's own settings are not what is tested
for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "ARGS"):
    os.environ.pop(name, None)  # nor is the make that runs the tests the parent of those they run


hypothesis.settings.register_profile("glados", deadline=None)  # a busy machine makes no property wrong
hypothesis.settings.load_profile("glados")
child_process.LONGEST_S = 120.0  # a busy machine makes no file too slow: the time on the processor is bounded, too
watchdog.STILL_S = 600.0  # a test that hangs is ended by its own limit, and not all others of its process with it


# Importing what the tests test makes millions of objects and no garbage: nobody looks for some, then or later.
gc.disable()


def pytest_collection_finish() -> None:
    """The tests' own garbage is collected."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def logs_stay_with_their_test() -> Iterator[None]:
    """A command that a test calls sets up the logs of its process: to a terminal that is closed when the test ends."""
    root = logging.getLogger()
    level, handlers = root.level, set(root.handlers)
    yield
    logging.captureWarnings(capture=False)
    root.setLevel(level)
    for handler in set(root.handlers) - handlers:
        if type(handler) is logging.StreamHandler:  # pytest's own are of other classes, and come and go
            root.removeHandler(handler)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of this session, on a Unix socket; TEST_REDIS_URL names another one, which is emptied.

    Its default user has the rights of `glados` in deploy/redis/users.acl: every test proves that they are enough.
    """
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    folder = tmp_path_factory.mktemp("valkey")
    with running_store([*store_command("valkey", folder), *access_list(folder)]) as url:
        yield url
        with redis.Redis.from_url(as_admin(url), decode_responses=True) as client:
            assert client.acl_log() == [], "what the code called and may not call"


@pytest.fixture(scope="session")
def redis_7_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the system's Redis, which is another program than our embedded Valkey."""
    folder = tmp_path_factory.mktemp("redis")
    # Redis 7.0 knows no CLIENT SETINFO, and the client does without it.
    with running_store([*store_command("redis", folder), *access_list(folder, "+client|setinfo ")]) as url:
        yield url


def access_list(folder: Path, unknown: str = "") -> list[str]:
    """Options of a server whose default user has the rights that a deployment gives our code; `admin` has all."""
    (ours,) = [line for line in USERS.read_text(encoding="utf-8").splitlines() if line.startswith("user glados ")]
    rights = ours.removeprefix("user glados on #@HASH@ ").replace(unknown, "")
    path = folder / "users.acl"
    path.write_text(f"user default on nopass {rights}\nuser admin on nopass ~* &* +@all\n")
    return ["--aclfile", str(path)]


def as_admin(url: str) -> str:
    """The URL by which a test does what the code may not: empty the store, look at every key, change settings.

    A server of TEST_REDIS_URL has no such user: the one of its URL has all rights.
    """
    return url.replace("unix://", "unix://admin:any@")


def do_without(program: str) -> NoReturn:
    """Skip a test whose program is missing; where changes are judged (CI), that is a failure."""
    text = f"{program} is not installed; tests/system_packages.sh installs it"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def store_command(kind: str, data_dir: Path) -> list[str]:
    """How to start a server with the options of the embedded one; `kind` is valkey or redis."""
    command = embedded.command(data_dir)
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
    return _emptied(redis_server)


@pytest.fixture(params=["valkey", "redis"])
def each_redis_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database, on either server: a test file that takes this as its `redis_url` runs on both."""
    return _emptied(str(request.getfixturevalue("redis_server" if request.param == "valkey" else "redis_7_server")))


def _emptied(url: str) -> str:
    emptied = as_admin(url)
    if url == os.environ.get("TEST_REDIS_URL"):
        emptied = os.environ.get("TEST_REDIS_ADMIN_URL", url)
    for each in emptied.split():  # a cluster has several servers
        with redis.Redis.from_url(each) as client:
            client.flushall()
    return url


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    """A connection to an empty database, with the rights of our code."""
    connection = connect(redis_url)
    yield connection
    await connection.aclose()


@pytest.fixture
async def admin(redis_url: str) -> AsyncIterator[Client]:
    """A connection to the same database that may do everything."""
    connection = connect(as_admin(redis_url))
    yield connection
    await connection.aclose()
