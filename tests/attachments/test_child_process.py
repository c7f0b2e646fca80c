"""The process that converts a file: what it may do, and what becomes of one that hangs, dies, lies or is not wanted."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from glados_bots.attachments import child_process
from glados_bots.attachments.limits import MOST_CHARACTERS
from glados_bots.attachments.reading import read
from glados_bots.metrics import FILES
from glados_bots.wording.sentence import say
from tests.attachments import making
from tests.waiting import until

Started = Callable[[], list[psutil.Process]]
PICTURE = making.picture("PNG")
DAMAGED, COMPLEX, SLOW = say("file-damaged"), say("file-too-complex"), say("file-too-slow")


@pytest.fixture
def impostor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program that stands in for Python; the test writes what it does."""
    path = tmp_path / "impostor"
    monkeypatch.setattr("sys.executable", str(path))
    return path


@pytest.fixture
def started() -> Started:
    """The processes that the test has started; a server for other tests may run beside them."""
    before = psutil.Process().children()
    return lambda: [child for child in psutil.Process().children() if child not in before]


def does(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)


def says(text: str) -> str:
    return f"cat > /dev/null; cat << 'END'\n{text}\nEND"


def answers(why: str = "", **contents: object) -> str:
    """What a child writes."""
    nothing = {"name": "", "values": {}}
    return says(json.dumps([json.dumps({"text": "", "partly": nothing, "refusal": nothing, **contents}), why]))


def sentence(name: str, **values: object) -> dict[str, object]:
    return {"name": name, "values": values}


def picture(**changed: object) -> list[dict[str, object]]:
    return [{"data": "AAAA", "kind": "image/png", "width": 9, "height": 9, **changed}]


LIES = {
    "nothing": says(""),
    "no JSON": says("nonsense"),
    "another shape": says('{"text": "words"}'),
    "neither words nor a reason": answers(),
    "words and a reason": answers(text="words", refusal=sentence("file-empty")),
    "a further field": answers(text="words", words=1),
    "no text": answers(text=5),
    "half a character": answers(text="\ud800"),
    "too much text": answers(text="a" * (MOST_CHARACTERS + 1)),
    "an unknown sentence": answers(refusal=sentence("file-none")),
    "another's sentence": answers(refusal=sentence("reading-files", files="x")),
    "a sentence without its values": answers(text="words", partly=sentence("file-pages")),
    "a list in a sentence": answers(text="words", partly=sentence("file-pages", read=[1], whole=2)),
    "words in a sentence": answers(refusal=sentence("file-save-as", format="see https://evil.example")),
    "words deep in a sentence": answers(
        text="words", partly=sentence("file-two-parts", first=sentence("file-save-as", format="x" * 99), second=1)
    ),
    "no picture": answers(pictures=picture(data="%%")),
    "another kind of picture": answers(pictures=picture(kind="text/html")),
    "a wide picture": answers(pictures=picture(width=100_000)),
    "many pictures": answers(pictures=picture() * 99),
    "a line for the log": answers("a\nforged line", text="words"),
    "an error": "cat > /dev/null; exit 3",
    "a fault": "cat > /dev/null; kill -SEGV $$",
}


async def test_the_truth_is_believed(impostor: Path) -> None:
    does(impostor, answers(text="words", pictures=picture(), partly=sentence("file-pages", read=1, whole=2)))
    found = await read(PICTURE, "", "")
    assert (found.text, len(found.pictures), found.partly) == ("words", 1, say("file-pages", read=1, whole=2))


@pytest.mark.parametrize("lie", LIES)
async def test_nothing_that_a_process_says_is_believed(lie: str, impostor: Path) -> None:
    does(impostor, LIES[lie])
    assert (await read(PICTURE, "a.png", "image/png")).refusal == DAMAGED


@pytest.mark.parametrize(("end", "why"), [("ABRT", COMPLEX), ("KILL", COMPLEX), ("XCPU", SLOW)])
async def test_how_a_process_ends_says_why(end: str, why: object, impostor: Path) -> None:
    does(impostor, f"cat > /dev/null; kill -{end} $$")
    assert (await read(PICTURE, "", "")).refusal == why


async def test_a_process_that_ends_before_it_has_read_the_file_is_no_error(impostor: Path) -> None:
    does(impostor, "exit 1")
    assert (await read(b"\x89PNG\r\n\x1a\n" + bytes(5_000_000), "", "")).refusal == DAMAGED


async def test_a_process_that_says_too_much_or_never_ends_is_ended(
    impostor: Path, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    does(impostor, "cat > /dev/null; exec yes")
    assert (await read(PICTURE, "", "")).refusal == COMPLEX
    monkeypatch.setattr(child_process, "LONGEST_S", 0.2)
    does(impostor, "exec sleep 1000")
    assert (await read(PICTURE, "", "")).refusal == SLOW
    assert not started()


async def test_who_cancels_ends_the_process(impostor: Path, started: Started) -> None:
    does(impostor, "exec sleep 1000")
    task = asyncio.create_task(read(PICTURE, "", ""))
    await until(lambda: bool(started()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not started()


@pytest.mark.parametrize("leaves", ["", "setsid"])
async def test_nobody_waits_for_what_a_process_has_started(
    leaves: str, impostor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "LONGEST_S", 0.5)
    monkeypatch.setattr(child_process, "FAREWELL_S", 0.1)
    other = f"echo $$ > {tmp_path}/other; sleep 20; touch {tmp_path}/ended"
    does(impostor, f"{leaves} sh -c '{other}' & exec sleep 1000")
    assert (await read(PICTURE, "", "")).refusal == SLOW
    assert not (tmp_path / "ended").exists()
    with suppress(ProcessLookupError):
        os.kill(int((tmp_path / "other").read_text()), signal.SIGKILL)


async def test_two_run_at_once_and_others_wait(impostor: Path, started: Started, tmp_path: Path) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    begun.mkdir()
    does(impostor, f"cat > /dev/null; touch {begun}/$$; while [ ! -e {go} ]; do sleep 0.02; done; exit 1")
    tasks = [asyncio.create_task(read(PICTURE, "", "")) for _ in range(5)]
    await until(lambda: len(list(begun.iterdir())) == child_process.AT_ONCE)
    assert len(started()) == child_process.AT_ONCE
    go.touch()
    await asyncio.gather(*tasks)
    assert len(list(begun.iterdir())) == len(tasks)


async def test_it_learns_no_secret_and_the_log_no_name(
    impostor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GLADOS_DISCORD_TOKEN", "s3cret")
    does(impostor, f"cat > /dev/null; env > {tmp_path}/env; ls /proc/self/fd > {tmp_path}/open; exit 9")
    before = FILES.labels("picture", "refused")._value.get()
    with caplog.at_level(logging.INFO):
        await read(PICTURE, "secret plans.png", "image/png")
    assert "s3cret" not in (tmp_path / "env").read_text()
    assert "secret" not in caplog.text
    assert f"kind picture, {len(PICTURE)} bytes, file-damaged (code 9)" in caplog.text
    assert FILES.labels("picture", "refused")._value.get() == before + 1


TRIES = """
import os, socket
from glados_bots.attachments import limits
limits.bound()
limits.close_doors()
def tried(what, call):
    try:
        call()
        print(what)
    except (OSError, MemoryError):
        pass
tried("opens a file", lambda: open("/etc/passwd"))
tried("opens a socket", socket.socket)
tried("opens a pipe", os.pipe)
tried("starts a process", os.fork)
tried("takes memory", lambda: bytearray(limits.MOST_MEMORY))
print("done")
"""


def ran(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


def test_it_opens_nothing_and_takes_no_more_memory_than_it_may() -> None:
    done = ran(TRIES)
    assert done.stdout == "done\n", done.stderr


def test_it_writes_no_file_and_ends_when_its_time_is_over(tmp_path: Path) -> None:
    begin = "from glados_bots.attachments import limits\nlimits.MOST_CPU_S = 1\n"
    written = ran(f"{begin}file = open({str(tmp_path / 'x')!r}, 'wb', 0)\nlimits.bound()\nfile.write(b'x')")
    assert "File too large" in written.stderr
    assert ran(f"{begin}limits.bound()\nwhile True: pass").returncode == -signal.SIGXCPU
