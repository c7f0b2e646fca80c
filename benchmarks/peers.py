"""The servers that are compared: how each is started, and when it is ready. All serve the same weights on loopback."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
READY_TIMEOUT_S = 180
STOP_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Contender:
    """A kind of server.

    Attributes:
        name: in the table.
        command: makes the command line from a port and the folder of the weights.
        model: makes the name requests ask for from the folder of the weights.
        ready: path that answers 200 when it can serve.
        missing: why it cannot be started here, or "".
        environment: makes variables from a port and the folder, beside our own.
    """

    name: str
    command: Callable[[int, Path], list[str]]
    model: Callable[[Path], str]
    ready: str
    missing: str = ""
    environment: Callable[[int, Path], dict[str, str]] = lambda _port, _folder: {}


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    name: str
    url: str
    model: str
    started_s: float


def ours() -> Contender:
    """`glados serve`."""
    return Contender(
        name="glados",
        command=lambda _port, _folder: [sys.executable, "-m", "glados_bots", "serve"],
        model=lambda folder: folder.name,
        ready="/ready",
        environment=lambda port, folder: {
            "GLADOS_MODEL": str(folder),
            "GLADOS_SERVE_PORT": str(port),
            "GLADOS_MAX_WAITING": "64",
        },
    )


def transformers_serve() -> Contender:
    """`transformers serve` with its continuous batching, as its help recommends for several users."""
    program = shutil.which("transformers", path=str(Path(sys.executable).parent))
    return Contender(
        name="transformers serve",
        command=lambda port, folder: [
            str(program),
            *("serve", str(folder), "--continuous-batching", "--dtype", "bfloat16"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        model=str,
        ready="/health",
        missing="" if program else "pip install 'transformers[serving]'",
    )


@contextlib.asynccontextmanager
async def running(contender: Contender, folder: Path) -> AsyncIterator[Running]:
    """Start a server and wait until it is ready.

    Raises:
        RuntimeError: it ended before it was ready, or took too long; the text holds the end of its log.
    """
    port = _free_port()
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **contender.environment(port, folder)}
    begun = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - starting a program does not wait for it
            contender.command(port, folder), env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            url = f"http://127.0.0.1:{port}"
            if not await _becomes_ready(process, url + contender.ready):
                log.seek(0)
                last = log.read().strip()[-400:]
                raise RuntimeError(f"{contender.name} did not become ready: {last}")
            yield Running(contender.name, url, contender.model(folder), time.monotonic() - begun)
        finally:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


async def _becomes_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + READY_TIMEOUT_S
    async with httpx.AsyncClient() as client:
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(url)).status_code == httpx.codes.OK:
                    return True
            await asyncio.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
