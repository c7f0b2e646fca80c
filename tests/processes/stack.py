"""`glados up` as a user starts it: real processes, with ports and a data folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import psutil

from tests.servers import free_port

ROOT = Path(__file__).parents[2]
LONGEST_START_S = 180  # a machine with all cores busy loads the small model in about a minute


def share_made_files(data_dir: Path) -> None:
    """Let a data folder have the checkout's converted weights and compiled step: who needs them first makes them."""
    for made in ("models", "cpu"):
        cache = ROOT / "data" / made
        cache.mkdir(parents=True, exist_ok=True)
        if not (data_dir / made).exists():
            (data_dir / made).symlink_to(cache)


class Stack:
    """A `glados up` to be started, any number of times; what is made once is shared with the checkout."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.web_port, self.serve_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        self.log = data_dir / "out.txt"
        data_dir.mkdir(exist_ok=True)
        share_made_files(data_dir)
        self.env = {
            **os.environ,
            "GLADOS_DATA_DIR": str(data_dir),
            "GLADOS_WEB_PORT": str(self.web_port),
            "GLADOS_SERVE_PORT": str(self.serve_port),
            "GLADOS_MODEL": "smollm2_135m",
            "GLADOS_MAX_ANSWER_TOKENS": "80",
            "GLADOS_GRACE": "2",
        }

    def command(self, *args: str) -> list[str]:
        """The command line of `glados ARGS`."""
        return [sys.executable, "-m", "glados_bots", *args]

    def refused(self) -> "subprocess.CompletedProcess[str]":
        """What becomes of a `glados up` that must not start."""
        return subprocess.run(
            self.command("up"), env=self.env, capture_output=True, text=True, check=False, timeout=LONGEST_START_S
        )

    @contextmanager
    def up(self, *args: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The running stack; interrupted at the end, as by Ctrl-C, where the test did not end it."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(self.command("up", *args), env=self.env, stdout=log, stderr=log)
        try:
            self.wait_for("ready after", process)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(60)

    def wait_for(self, text: str, process: "subprocess.Popen[bytes]") -> None:
        """Return when the output holds the text; fail with all of it when it never does."""
        deadline = time.monotonic() + LONGEST_START_S
        while text not in (said := self.log.read_text(errors="replace")):
            assert process.poll() is None, f"ended with {process.returncode}:\n{said}"
            assert time.monotonic() < deadline, f"never said {text!r}:\n{said}"
            time.sleep(0.1)


def child(process: "subprocess.Popen[bytes]", role: str) -> psutil.Process:
    """The process of one role below the supervisor.

    By its last argument: `serve` also stands in the command line of a valkey-server.
    """
    return next(found for found in psutil.Process(process.pid).children() if found.cmdline()[-1] == role)


class Visitor:
    """Somebody who talks to the page over HTTP, with a cookie of their own."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=LONGEST_START_S, follow_redirects=True)
        self._questions = 0

    def __enter__(self) -> Self:
        """The visitor itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._http.close()

    def page(self) -> str:
        """The page as it is now: the newest chat."""
        return self._http.get("/").raise_for_status().text

    def ask(self, conversation: str, text: str) -> str:
        """Post a question; returns its turn."""
        self._questions += 1
        body = {"text": text, "key": str(self._questions)}
        return str(self._http.post(f"/c/{conversation}/messages", json=body).raise_for_status().json()["turn"])

    def views(self, conversation: str, turn: str) -> Iterator[dict[str, str]]:
        """What the page is told to show, until the final view, however long that takes."""
        with self._http.stream("GET", f"/c/{conversation}/turns/{turn}") as response:
            for line in response.raise_for_status().iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])

    def answer(self, conversation: str, turn: str) -> dict[str, str]:
        """The final view of a turn."""
        *_, last = self.views(conversation, turn)
        return last
