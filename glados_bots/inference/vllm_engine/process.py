"""Starts, watches and ends a `vllm serve` on its own loopback port."""

import asyncio
import logging
import os
import secrets
import shutil
import signal
import socket
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

import httpx
from prometheus_client.parser import text_string_to_metric_families

from glados_bots.errors import ConfigError, EngineDeadError
from glados_bots.processes.child_output import lines
from glados_bots.wire.client import IDLE_S

log = logging.getLogger(__name__)

LONGEST_SAID = 500  # characters kept per line
LAST_LINES = 12  # last lines of vLLM's output, shown if it ends
START_S = 3600.0  # large models load slowly; a vLLM that cannot start ends by itself
POLL_S = 2.0
STOP_S = 15.0
NO_ANSWER = httpx.Timeout(10, read=None)  # a token may take as long as it takes


class VllmProcess:
    """One child process and the HTTP client for it.

    Args:
        command: the `vllm` program, by name or path.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._child: Process | None = None
        self._http: httpx.AsyncClient | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._said: deque[str] = deque(maxlen=LAST_LINES)
        self._stopping = False
        self.pages = (0, 0)  # pages of the KV cache in use, and all of them

    @property
    def http(self) -> httpx.AsyncClient:
        """The client for the running server. Raises EngineDeadError before `start`."""
        if self._http is None:
            raise EngineDeadError("vLLM has not been started")
        return self._http

    @property
    def fatal(self) -> str | None:
        """Why vLLM has ended; None while it runs, or if we ended it."""
        if self._child is None or self._child.returncode is None or self._stopping:
            return None
        return f"vLLM ended with code {self._child.returncode}"

    async def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Return when vLLM serves. Raises ConfigError with its last lines if it ends before that."""
        program = shutil.which(self._command)
        if program is None:
            raise ConfigError(
                f"GLADOS_VLLM_COMMAND={self._command}: there is no such program; install vLLM in its own environment "
                "(`python3 -m venv vllm && vllm/bin/pip install vllm`) and set GLADOS_VLLM_COMMAND=vllm/bin/vllm"
            )
        port = _free_port()
        key = secrets.token_urlsafe(32)  # only we may use its port, not every user of this machine
        headers = {"Authorization": f"Bearer {key}"}
        url = f"http://127.0.0.1:{port}"
        limits = httpx.Limits(keepalive_expiry=IDLE_S)
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=NO_ANSWER, limits=limits, trust_env=False)
        command = [*_outlived_by_us(), program, "serve", *arguments, "--host", "127.0.0.1", "--port", str(port)]
        self._child = await asyncio.create_subprocess_exec(
            *command, stdout=PIPE, stderr=STDOUT, env={**environment, "VLLM_API_KEY": key}, start_new_session=True
        )
        self._tasks.append(asyncio.create_task(self._listen()))
        try:
            await self._serving()
        except BaseException:
            await self.stop()
            raise
        self._tasks.append(asyncio.create_task(self._watch()))

    async def stop(self) -> None:
        """End vLLM and all processes that it has started."""
        self._stopping = True
        if self._child is not None:
            await self._end(self._child)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    async def _end(self, child: Process) -> None:
        """Send SIGTERM, then SIGKILL, to the whole process group, even if its leader has ended: others may live on."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(child.pid, sign)
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), STOP_S)

    async def _serving(self) -> None:
        async with asyncio.timeout(START_S):
            while not await self._answers():
                if self.fatal:
                    raise ConfigError("\n".join([f"{self.fatal}; its last lines:", *self._said]))
                await asyncio.sleep(0.2)

    async def _answers(self) -> bool:
        try:
            return (await self.http.get("/health", timeout=2)).is_success
        except httpx.HTTPError:
            return False

    async def _listen(self) -> None:
        """Copy vLLM's output to our log, at debug level, because it may quote people."""
        output = self._child.stdout if self._child else None
        if output is None:
            return
        async for line in lines(output):  # of any length: a pipe that nobody reads would block vLLM
            self._said.append(line[:LONGEST_SAID])
            log.debug("vllm: %s", line)

    async def _watch(self) -> None:
        """Read how full the cache is, every POLL_S seconds."""
        while True:
            with suppress(httpx.HTTPError, ValueError):
                self.pages = _pages((await self.http.get("/metrics", timeout=2)).text)
            await asyncio.sleep(POLL_S)


def _pages(metrics: str) -> tuple[int, int]:
    """(used pages, all pages), from vLLM's own metrics."""
    used, total = 0.0, 0
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == "vllm:kv_cache_usage_perc":
                used = sample.value
            elif sample.name == "vllm:cache_config_info":
                blocks = sample.labels.get("num_gpu_blocks", "")
                total = int(blocks) if blocks.isdigit() else 0
    return round(used * total), total


def _outlived_by_us() -> list[str]:
    """A command prefix from util-linux: the kernel then ends vLLM with our process, so that it cannot keep the GPU."""
    return ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
