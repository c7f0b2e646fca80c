"""The supervisor with small programs as children: order, ends, restarts, output."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from glados_bots import __version__
from glados_bots.errors import ConfigError
from glados_bots.processes.child_output import lines
from glados_bots.processes.supervisor import Role, Supervisor
from tests.waiting import until

WAITS = "import signal; print('here', flush=True); signal.pause()"
DEAF = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True:
    signal.pause()
"""
POLITE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("bye", flush=True), sys.exit(0)))
print("here", flush=True)
while True:
    signal.pause()
"""


def role(name: str, program: str, grace_s: float = 10.0) -> Role:
    return Role(name, [sys.executable, "-c", program], grace_s=grace_s)


class Log:
    """The log file of a supervisor, and its task."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.task: asyncio.Task[int] | None = None

    def text(self) -> str:
        return self.path.read_text() if self.path.exists() else ""

    def says(self, text: str, times: int = 1) -> Callable[[], bool]:
        return lambda: self.text().count(text) >= times

    async def end(self) -> int:
        """Signal as a terminal does, and return the exit code."""
        os.kill(os.getpid(), signal.SIGINT)
        assert self.task
        return await self.task


@asynccontextmanager
async def supervised(tmp_path: Path, *roles: Role) -> AsyncIterator[Log]:
    log = Log(tmp_path / "glados.log")
    log.task = asyncio.create_task(Supervisor(list(roles), log.path).run(lambda: None))
    async with asyncio.timeout(60):
        yield log
        if not log.task.done():
            await log.end()


async def test_children_end_in_reverse_order_and_say_so_in_one_log(tmp_path: Path) -> None:
    async with supervised(tmp_path, role("database", POLITE), role("page", POLITE)) as log:
        await until(lambda: log.says("[database] here")() and log.says("[page] here")())
        assert await log.end() == 0
    ends = [line.split(" ", 2)[2] for line in log.text().splitlines() if line.endswith("bye")]
    assert ends == ["[page] bye", "[database] bye"]
    assert "glados: stopping" in log.text()


async def test_a_child_that_dies_is_started_again_with_growing_pauses(tmp_path: Path) -> None:
    async with supervised(tmp_path, role("weak", "print('here')")) as log:
        await until(log.says("[weak] here", 3))
    pauses = [float(pause) for pause in re.findall(r"weak ended with code 0; starting it again in (.+) s", log.text())]
    assert 0 < pauses[0] < pauses[-1]


async def test_a_child_with_a_wrong_configuration_ends_everything(tmp_path: Path) -> None:
    wrong = role("wrong", "raise SystemExit(2)")
    async with supervised(tmp_path, role("database", WAITS), wrong) as log:
        assert log.task
        assert await log.task == 2
    assert "starting it again" not in log.text()


async def test_a_child_that_does_not_end_is_killed(tmp_path: Path) -> None:
    async with supervised(tmp_path, role("deaf", DEAF, grace_s=0.2)) as log:
        await until(log.says("[deaf] deaf"))
        assert await log.end() == 0
    assert "deaf did not end within 0 s; killing it" in log.text()


async def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    async with supervised(tmp_path, role("deaf", DEAF, grace_s=3600)) as log:
        await until(log.says("[deaf] deaf"))
        os.kill(os.getpid(), signal.SIGINT)
        await until(log.says("glados: stopping"))
        assert await log.end() == 0


async def test_a_child_takes_no_code_out_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`cd model-folder && glados up --model .`: what lies there comes from whoever made the model."""
    monkeypatch.chdir(tmp_path)
    for name in ("asyncio", "typing", "typer", "sitecustomize"):
        Path(f"{name}.py").write_text("print('somebody else')")
    version = Role("version", [sys.executable, "-m", "glados_bots", "--version"])
    async with supervised(tmp_path, version) as log:
        await until(log.says("[version] "))
    assert f"[version] {__version__}" in log.text()
    assert "somebody else" not in log.text()


async def test_only_we_can_read_the_log_and_it_is_written_to_no_link(tmp_path: Path) -> None:
    path = tmp_path / "glados.log"
    path.write_text("of yesterday\n")
    path.chmod(0o644)
    async with supervised(tmp_path, role("page", WAITS)) as log:
        await until(log.says("[page] here"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert log.text().startswith("of yesterday\n")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="cannot write the log here"):
        Supervisor([], path)


async def read(*pieces: bytes) -> list[str]:
    output = asyncio.StreamReader()

    async def feed() -> None:
        for piece in pieces:
            output.feed_data(piece)
            await asyncio.sleep(0)
        output.feed_eof()

    feeding = asyncio.create_task(feed())
    found = [line async for line in lines(output)]
    await feeding
    return found


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"one\ntwo\r\n\nthree"], ["one", "two", "three"]),
        ([b"on", b"e\r", b"\ntwo\n"], ["one", "two"]),
        ([b"caf\xc3", b"\xa9 \xff\n"], ["café \ufffd"]),
        ([b"\r1%", b"\r2%", b"\r3%", b"\r100%\n"], ["1%", "100%"]),
        ([b""], []),
    ],
)
async def test_lines_and_progress_bars(pieces: list[bytes], expected: list[str]) -> None:
    assert await read(*pieces) == expected


async def test_a_line_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glados_bots.processes.child_output.LONGEST_LINE", 10)
    assert [len(line) for line in await read(b"x" * 25, b"y\n")] == [10, 1]


async def test_with_json_every_line_of_the_file_is_an_object_that_names_its_role(tmp_path: Path) -> None:
    mixed = """print('{"level": "info", "message": "ours"}', flush=True)\nprint('plain', flush=True)\n""" + WAITS
    log = Log(tmp_path / "glados.log")
    log.task = asyncio.create_task(Supervisor([role("mixed", mixed)], log.path, json_lines=True).run(lambda: None))
    await until(log.says("here"))
    await log.end()
    found = [json.loads(line) for line in log.text().splitlines()]
    assert {"role": "mixed", "level": "info", "message": "ours"} in found
    assert [each["message"] for each in found if each["role"] == "mixed"][:3] == ["ours", "plain", "here"]
    assert {each["role"] for each in found} >= {"mixed", "supervisor"}
