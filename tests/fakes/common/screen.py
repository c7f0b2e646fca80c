"""What a person at a terminal sees, for tests."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

ROOT = Path(__file__).parents[3]


class Shown(list[str]):
    """The lines a person has seen."""

    def __contains__(self, text: object) -> bool:
        return any(str(text) in line for line in self)


class Program:
    """A fake as a program.

    Attributes:
        settings: What it said that a bot has to be started with, by name.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.settings: dict[str, str] = {}
        self._process, self._keyboard, self._screen = process, process.stdin, process.stdout

    @classmethod
    async def start(cls, module: str, last: str) -> "Program":
        """Run it, and read what it says up to the setting `last`."""
        command = [sys.executable, "-m", module, "--port", "0"]
        environment = {"PATH": os.environ["PATH"]}
        program = cls(
            await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdin=PIPE, stdout=PIPE)
        )
        while last not in program.settings:
            name, _, value = (await program._screen.readline()).decode().strip().partition("=")
            program.settings[name] = value
        return program

    def type(self, line: str) -> None:
        """Type a line."""
        self._keyboard.write(f"{line}\n".encode())

    async def shows(self, text: str) -> None:
        """Return when a line with `text` was shown."""
        while text.encode() not in (line := await self._screen.readline()):
            assert line

    async def ended(self) -> int:
        """Its exit status, when it has ended."""
        return await self._process.wait()
