"""`glados up`: every role as its own process under one small supervisor.

The supervisor starts a dead child again after a growing pause. It prints all children's output, prefixed with the
role's name, and also writes it to DATA_DIR/logs/glados.log. SIGTERM or SIGINT ends the children in reverse order: first
the roles that take questions, then the model, then the database. Children die with the supervisor, even by SIGKILL.
"""

import asyncio
import ctypes
import fcntl
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from glados_bots.errors import EXIT_CONFIG, ConfigError
from glados_bots.logs import RoleLines
from glados_bots.processes.child_output import lines
from glados_bots.retrying import growing_pauses

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # prctl(2)
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0  # after a run of this length, the pauses begin again with the shortest
# Children print each line at once, and import no code from the working folder, which may be a model's.
OURS = {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}


@dataclass(slots=True)
class Role:
    """One child process."""

    name: str  # prefix of its log lines
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)  # variables added to ours
    # Returns when the child can do its work; the next role starts after that. None: the next role starts at once
    ready: Callable[[], Awaitable[None]] | None = None
    grace_s: float = 10.0  # seconds that the child gets to end by itself
    complaint: re.Pattern[str] | None = None  # matches a line by which the child may say that it can never run here
    # Called after a child with such a line has ended; returns a sentence if the child can never run, else None
    why_never: Callable[[], str | None] = lambda: None


class Supervisor:
    """Runs roles in order until a signal stops it, or until one of them can never run."""

    def __init__(self, roles: list[Role], log_file: Path, *, json_lines: bool = False) -> None:
        self._roles = roles
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._complained: set[str] = set()
        self._stopping = asyncio.Event()
        self._exit_code = 0
        self._out = _line_logger(log_file, json_lines=json_lines)

    def say(self, line: str) -> None:
        """A line of our own on the console and in the log file."""
        self._out.info("glados: %s", line)

    async def run(self, on_ready: Callable[[], None]) -> int:
        """Start all roles, call `on_ready` once all are ready, and return the exit code after an orderly shutdown."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        keepers: dict[str, asyncio.Task[None]] = {}
        starting = asyncio.create_task(self._start_all(keepers, on_ready))
        await self._stopping.wait()
        starting.cancel()
        for role in reversed(self._roles):
            if role.name in keepers:
                await self._end(role)
                await keepers[role.name]
        await asyncio.gather(starting, return_exceptions=True)
        for handler in list(self._out.handlers):
            self._out.removeHandler(handler)
            handler.close()
        return self._exit_code

    def _stop(self) -> None:
        """The first signal ends all roles in order; the second one kills them."""
        if not self._stopping.is_set():
            self._out.info("glados: stopping; running answers get a moment to finish (press Ctrl-C again to stop now)")
        else:
            for child in self._children.values():
                if child.returncode is None:
                    child.kill()
        self._stopping.set()

    async def _start_all(self, keepers: dict[str, asyncio.Task[None]], on_ready: Callable[[], None]) -> None:
        for role in self._roles:
            keepers[role.name] = asyncio.create_task(self._keep(role))
            if role.ready:
                await role.ready()
        on_ready()

    async def _keep(self, role: Role) -> None:
        """Restart one role whenever it ends, until the supervisor stops."""
        pauses = growing_pauses(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run_once(role)
            reason = await asyncio.to_thread(role.why_never) if role.name in self._complained else None
            if self._stopping.is_set():
                return
            if reason:
                self._out.error("glados: %s", reason)
            if code == EXIT_CONFIG or reason:
                self._exit_code = EXIT_CONFIG
                self._stopping.set()
                return
            if time.monotonic() - began > STEADY_S:
                pauses = growing_pauses(FIRST_PAUSE_S, LONGEST_PAUSE_S)
            pause = next(pauses)
            self._out.warning("[supervisor] %s ended with code %s; starting it again in %.1f s", role.name, code, pause)
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                continue

    async def _run_once(self, role: Role) -> int:
        child = await asyncio.create_subprocess_exec(
            *role.command,
            env={**os.environ, **OURS, **role.env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            preexec_fn=_prepare_child,
        )
        self._children[role.name] = child
        self._complained.discard(role.name)
        if self._stopping.is_set():  # a signal came while the child was being created
            child.terminate()
        await self._copy_output(role, child)
        return await child.wait()

    async def _copy_output(self, role: Role, child: asyncio.subprocess.Process) -> None:
        if child.stdout is not None:
            async for line in lines(child.stdout):
                self._out.info("[%s] %s", role.name, line)
                if role.complaint and role.complaint.search(line):
                    self._complained.add(role.name)

    async def _end(self, role: Role) -> None:
        child = self._children.get(role.name)
        if child is None or child.returncode is not None:
            return
        child.terminate()
        try:
            await asyncio.wait_for(child.wait(), role.grace_s)
        except TimeoutError:
            self._out.warning("[supervisor] %s did not end within %.0f s; killing it", role.name, role.grace_s)
            child.kill()


def _prepare_child() -> None:
    """Runs in the child: a terminal's Ctrl-C reaches only the supervisor, and the child dies with the supervisor."""
    os.setpgrp()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class _OwnFile(RotatingFileHandler):
    """A log file that only this user can read: it holds names of people and places."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        os.fchmod(descriptor, 0o600)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding=self.encoding)


def _line_logger(log_file: Path, *, json_lines: bool) -> logging.Logger:
    """A logger for lines as they are (or as JSON), to the terminal and a file rotated at 10 MB. Raises ConfigError."""
    logger = logging.getLogger("glados.roles")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        to_file = _OwnFile(log_file, maxBytes=10_000_000, backupCount=3, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{log_file}: cannot write the log here ({error}); remove what is in the way") from error
    to_file.setFormatter(RoleLines() if json_lines else logging.Formatter("%(asctime)s %(message)s"))
    to_terminal = logging.StreamHandler(sys.stdout)
    to_terminal.setFormatter(RoleLines() if json_lines else None)
    logger.addHandler(to_file)
    logger.addHandler(to_terminal)
    return logger


def lock(data_dir: Path) -> int:
    """Make sure that this is the only supervisor of a data folder. The process holds the lock until it ends.

    Raises:
        ConfigError: another supervisor runs, or this process cannot write to the folder.
    """
    path = data_dir / "supervisor.lock"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"GLADOS_DATA_DIR={data_dir}: cannot write here ({error}); choose another folder") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 20).decode(errors="replace").strip()
        os.close(descriptor)
        raise ConfigError(
            f"GLaDOS is already running on the data folder {data_dir} (process {owner}); "
            "open its page, stop it first, or set GLADOS_DATA_DIR and the ports to run a second one"
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor
