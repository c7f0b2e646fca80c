"""The processes of a soak, which can be killed and come back."""

import asyncio
import os
import random
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

RESTART_S = (0.2, 0.8)  # as a supervisor would, after a short pause
LOOK_EVERY_S = 1.0
END_S = 30.0
API_KEY = "s3cret-key"  # of tests/fakes/served_engine.py


@dataclass
class Part:
    """One process. `name` is what it is; several of the same name are replicas.

    Attributes:
        kills: how often it was killed.
        deaths: how often it ended by itself.
    """

    name: str
    command: list[str]
    env: dict[str, str]
    log: Path
    kills: int = 0
    deaths: int = 0
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def start(self) -> None:
        """Start it; its output goes to the log."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command, env={**clean_environment(), **self.env}, stdout=log, stderr=log
            )

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
            return await asyncio.wait_for(self._process.wait(), END_S)
        except TimeoutError:
            await self.kill()
            return -signal.SIGKILL

    async def restart(self, dice: random.Random) -> None:
        """Kill it, and start it again after a moment."""
        async with self._changing:
            self.kills += 1
            await self.kill()
            await asyncio.sleep(dice.uniform(*RESTART_S))
            await self.start()

    async def revive(self) -> None:
        """Start it again if it ended by itself, as a supervisor would."""
        async with self._changing:
            if self._process is not None and self._process.returncode is not None:
                self.deaths += 1
                await self.start()


async def keep_alive(parts: list[Part]) -> None:
    """Start again whatever ended by itself, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        for part in parts:
            await part.revive()


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
