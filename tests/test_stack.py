"""`glados up` as a user runs it: real model, real Valkey, real processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.servers import free_port

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


class Stack:
    """A running `glados up` with a data folder of its own; converted weights are shared with the checkout's."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.web_port, self.serve_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        self.log = data_dir / "out.txt"
        data_dir.mkdir(exist_ok=True)
        cache = ROOT / "data" / "models"
        cache.mkdir(parents=True, exist_ok=True)
        if not (data_dir / "models").exists():
            (data_dir / "models").symlink_to(cache)
        self.env = {
            **os.environ,
            "GLADOS_DATA_DIR": str(data_dir),
            "GLADOS_WEB_PORT": str(self.web_port),
            "GLADOS_SERVE_PORT": str(self.serve_port),
            "GLADOS_GRACE": "2",
        }

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "glados_bots", *args]

    @contextmanager
    def up(self) -> Iterator["subprocess.Popen[bytes]"]:
        with self.log.open("wb") as log:
            process = subprocess.Popen(self.command("up"), env=self.env, stdout=log, stderr=log)
        try:
            self.wait_for("ready after")
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(60)

    def wait_for(self, text: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.log.read_text(errors="replace"):
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")
            time.sleep(0.1)


def test_a_taken_port_is_named_with_the_setting_that_changes_it(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data")
    with _listening(stack.web_port):
        run = subprocess.run(
            stack.command("up"), env=stack.env, capture_output=True, text=True, check=False, timeout=60
        )
    assert run.returncode == 2
    assert f"GLADOS_WEB_PORT={stack.web_port}" in run.stderr
    assert "Traceback" not in run.stderr


def test_when_the_supervisor_is_killed_its_children_die_with_it(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data")
    with stack.up() as process:
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        gone, alive = psutil.wait_procs(children, timeout=10)
        assert children
        assert not alive, gone


@contextmanager
def _listening(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield
