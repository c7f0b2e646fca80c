"""A process whose event loop stands still is ended, whoever keeps it from turning."""

import asyncio
import subprocess
import sys

import pytest

from glados_bots.adapter_core import AdapterCore
from glados_bots.inference.api.app import create_app
from glados_bots.processes import watchdog
from glados_bots.settings import Settings
from tests.fakes.engine import ScriptedEngine
from tests.fakes.surface import MemorySurface
from tests.servers import running
from tests.waiting import until

PROGRAM = """
import asyncio, re, sys, time
from glados_bots.processes import watchdog
watchdog.STILL_S, watchdog.BEAT_S = 1.0, 0.1
late = []

async def main():
    async with watchdog.watched_loop(late.append):
        await asyncio.sleep(0.3)
        {work}
        await asyncio.sleep(0.3)
    {after}
    print("ended by itself", max(late) > 0.15)

asyncio.run(main())
"""


def run(work: str, after: str = "") -> "subprocess.CompletedProcess[str]":
    program = PROGRAM.format(work=work, after=after)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "work",
    [
        're.match(r"(a+)+$", "a" * 60 + "b")',  # lets no other thread of Python run
        "time.sleep(1000)",
        "exec('while True: pass')",
    ],
)
def test_a_loop_that_stands_still_ends_its_process_and_says_where(work: str) -> None:
    result = run(work)
    assert result.returncode == 1
    assert "Timeout" in result.stderr
    assert 'File "<string>"' in result.stderr
    assert "in main" in result.stderr


def test_what_is_slow_but_ends_is_told_and_goes_on() -> None:
    result = run("time.sleep(0.4)")
    assert (result.returncode, result.stdout) == (0, "ended by itself True\n"), result.stderr


def test_after_the_watch_nothing_ends_the_process() -> None:
    assert run("", "time.sleep(1.5)").returncode == 0


@pytest.fixture
def armed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds after which an alarm was to go off."""
    found: list[float] = []
    monkeypatch.setattr("faulthandler.dump_traceback_later", lambda seconds, **_: found.append(seconds))
    return found


async def test_a_role_that_answers_people_is_watched(redis_url: str, armed: list[float]) -> None:
    """The page, Discord, Slack and whatever comes next run by this."""
    core = AdapterCore(Settings(_env_file=None, redis_url=redis_url), "test", lambda *_: MemorySurface())
    task = asyncio.create_task(core.run())
    await until(lambda: armed)
    await core.drain()
    await task
    await core.aclose()
    assert set(armed) == {watchdog.STILL_S}


async def test_the_service_is_watched_from_the_moment_its_model_is_loaded(armed: list[float]) -> None:
    async with running(create_app(ScriptedEngine())):
        await until(lambda: armed)
