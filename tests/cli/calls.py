"""`glados` as people call it: in this process, in a pipe, and in a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import typer
from typer.main import get_command

from glados_bots.cli import app as cli
from glados_bots.platforms import installed

ROOT = Path(__file__).parents[2]
GLADOS = (sys.executable, "-m", "glados_bots")


class Said(NamedTuple):
    """What a call printed, and its exit code."""

    code: int
    out: str
    err: str


def called(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> Said:
    """A call in this process, through the entry point."""
    monkeypatch.setattr(sys, "argv", ["glados", *words])
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        cli.main()
    out, err = capsys.readouterr()
    return Said(int(end.value.code or 0), out, err)


def in_a_terminal(*command: str, env: Mapping[str, str] = MappingProxyType({}), columns: int = 100) -> str:
    """All that a command draws on a terminal of its own, as bytes came: with its escape sequences."""
    ours, its = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    own = {"TERM": "xterm-256color", "COLUMNS": str(columns)}
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, cwd=ROOT, env={**os.environ, **own, **env}):
        os.close(its)
        text = b""
        with suppress(OSError):  # Linux's end of a terminal
            while piece := os.read(ours, 2**16):
                text += piece
    os.close(ours)
    return text.decode()


def all_commands() -> Iterator[tuple[str, Any]]:
    """Every command by its words, those of the groups and the groups themselves too."""
    for platform in installed().values():
        if platform.name not in {found.name for found in cli.app.registered_commands}:
            cli._add_platform(platform)
    yield from _below("", get_command(cli.app))


def _below(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield words, command
    for name, member in getattr(command, "commands", {}).items():
        yield from _below(f"{words} {name}".strip(), member)


def parsed(words: list[str]) -> typer.Context:
    """The context of the command that these words name, with every argument checked; nothing runs."""
    command: Any = get_command(cli.app)
    context = command.make_context("glados", words)
    while rest := [*context._protected_args, *context.args]:
        command = command.get_command(context, rest[0])
        assert command, f"no command {rest[0]}"
        context = command.make_context(rest[0], rest[1:], parent=context)
    found: typer.Context = context
    return found
