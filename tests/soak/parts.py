"""The processes of a soak, which can be killed and come back."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

RESTART_S = (0.2, 0.8)  # as a supervisor would, after a short pause
API_KEY = "s3cret-key"  # of tests/fakes/served_engine.py


@dataclass
class Part:
    """One process. `name` is what it is; several of the same name are replicas."""

    name: str
    command: list[str]
    env: dict[str, str]
    log: Path
    ready: Callable[[], bool] = lambda: True
    restarts: int = 0
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start it; its output goes to the log."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command, env={**clean_environment(), **self.env}, stdout=log, stderr=log
            )

    @property
    def died(self) -> bool:
        """Whether it ended by itself."""
        return self._process is not None and self._process.returncode is not None

    async def kill(self) -> None:
        """End it as a power cut does."""
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def end(self) -> int:
        """End it as an operator does; returns the exit code."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            await self.kill()
            return -signal.SIGKILL

    async def restart(self, dice: random.Random) -> None:
        """Kill it, and start it again after a moment."""
        await self.kill()
        await asyncio.sleep(dice.uniform(*RESTART_S))
        self.restarts += 1
        await self.start()


def clean_environment() -> dict[str, str]:
    """Ours, without settings of GLaDOS and without proxies: everything is on loopback."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GLADOS_") and not name.lower().endswith("_proxy")
    }


def python(*args: str) -> list[str]:
    """A command of this Python."""
    return [sys.executable, *args]
