"""The example of an adapter, run as its reader would run it: found by its entry point, asked, killed, started again."""

import asyncio
import os
import pty
import signal
import sys
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glados_bots.conversation import Exchange
from glados_bots.inference.api.app import create_app
from glados_bots.store.connection import Client
from glados_bots.store.store import Store
from glados_bots.wire.events import Delta, Finished
from glados_bots.wording.sentence import say
from tests.fakes.engine import ScriptedEngine
from tests.servers import running
from tests.waiting import until

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "terminal"
History = Callable[[], Awaitable[list[Exchange]]]
ERASED = "\x1b[2K"
pytestmark = pytest.mark.slow


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def env(engine: ScriptedEngine, redis_url: str, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """Variables of a terminal of Ada's, which is installed as pip would: with a list of its entry points."""
    entries = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    info = tmp_path / "glados_terminal-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: glados-terminal\nVersion: 0\n")
    lines = [f"{name} = {target}" for name, target in entries["glados_bots.adapters"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[glados_bots.adapters]", *lines]))
    modules = ":".join(map(str, (ROOT, ROOT / "adapters", EXAMPLE, tmp_path)))
    async with running(create_app(engine)) as url:
        yield {
            **os.environ, "PYTHONPATH": modules, "LOGNAME": "ada", "TERM": "xterm", "GLADOS_REDIS_URL": redis_url,
            "GLADOS_INFERENCE_URL": f"{url}/v1", "GLADOS_LEASE": "1", "GLADOS_MESSAGE_MAX_CHARS": "200",
        }  # fmt: skip


@pytest.fixture
def history(client: Client) -> History:
    """What was said in Ada's terminal, as the store has it."""
    store = Store(client, "terminal", ttl=3600, max_exchanges=50)
    return lambda: store.history("ada")


async def started(
    env: dict[str, str], command: str = "terminal", screen: int = asyncio.subprocess.PIPE
) -> asyncio.subprocess.Process:
    """A `glados COMMAND`; on pipes, unless it is given a screen."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "glados_bots",
        command,
        env=env,
        stdin=screen,
        stdout=screen,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def said(env: dict[str, str], *lines: str, command: str = "terminal") -> str:
    """All that a command prints that hears these lines; it has to end well."""
    process = await started(env, command)
    out, _ = await process.communicate("".join(f"{line}\n" for line in lines).encode())
    assert process.returncode == 0
    return out.decode()


class Screen:
    """A terminal for a process. Attributes: text: all that was written to it."""

    def __init__(self, end: int) -> None:
        self._end = end
        self.text = ""

    def type(self, line: str) -> None:
        os.write(self._end, f"{line}\n".encode())

    def read(self) -> None:
        self.text += os.read(self._end, 65536).decode()


@contextmanager
def a_screen() -> Iterator[tuple[Screen, int]]:
    ours, theirs = pty.openpty()
    screen = Screen(ours)
    asyncio.get_running_loop().add_reader(ours, screen.read)
    try:
        yield screen, theirs
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)
        os.close(theirs)


async def test_an_answer_grows_on_the_screen_and_stands_there_once(
    env: dict[str, str], engine: ScriptedEngine, history: History
) -> None:
    engine.gate = asyncio.Semaphore(1)
    with a_screen() as (screen, theirs):
        terminal = await started(env, screen=theirs)
        screen.type("Who are you?")
        await until(lambda: "Hello" in screen.text)
        assert "world" not in screen.text
        engine.gate.release()
        engine.gate.release()
        await until(lambda: screen.text.rpartition(ERASED)[2] == "Hello **world**\r\n")
        terminal.send_signal(signal.SIGTERM)
        assert await terminal.wait() == 0
    (exchange,) = await history()
    assert (exchange.question, exchange.answer, exchange.author) == ("Who are you?", "Hello **world**", "ada")


async def test_a_question_whose_terminal_is_killed_is_answered_once_by_the_next(
    env: dict[str, str], engine: ScriptedEngine, history: History
) -> None:
    engine.gate = asyncio.Semaphore(1)
    killed = await started(env)
    assert killed.stdin
    killed.stdin.write(b"Who are you?\n")
    await until(lambda: engine.asked)
    killed.kill()
    await killed.communicate()
    assert await history() == []
    engine.gate = None
    assert await said(env) == "Hello **world**\n"
    assert await said(env) == ""
    assert [exchange.answer for exchange in await history()] == ["Hello **world**"]


async def test_lines_are_answered_in_order_and_refusals_are_said(
    env: dict[str, str], engine: ScriptedEngine, history: History
) -> None:
    engine.script = (Delta("\x1b[2Jred\tand\u202e"), Finished("stop", 5, 0, 2))
    out = await said(env, "first", "x" * 201, "", "second")
    refusal = str(say("too-long", length=201, most=200))
    assert " ".join(out.split()) == f"[2Jred and {refusal} [2Jred and"
    assert [exchange.question for exchange in await history()] == ["first", "second"]


async def test_the_command_line_lists_it(env: dict[str, str]) -> None:
    assert "Chat in this terminal." in await said(env, command="--help")


def test_it_is_read_in_a_few_minutes() -> None:
    assert sum(len(path.read_text().splitlines()) for path in EXAMPLE.rglob("*.py")) < 160
