"""`glados up` as a user runs it: real model, real Valkey, real processes."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from glados_web.chats import new_conversation
from tests.processes.stack import LONGEST_START_S, Stack, Visitor, child

pytestmark = [pytest.mark.slow, pytest.mark.timeout(4 * LONGEST_START_S)]


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "data")


@pytest.fixture
def visitor(stack: Stack) -> Iterator[Visitor]:
    with Visitor(stack.url) as person:
        yield person


def test_a_day_in_the_life(stack: Stack, visitor: Visitor) -> None:
    """Ask, be refused a second start, lose the model in the middle of an answer, stop, start again: nothing is lost.

    In the end the supervisor is killed: its children die with it.
    """
    conversation = new_conversation()
    with stack.up() as process:
        assert "Only this browser" in visitor.page()
        first = visitor.answer(conversation, visitor.ask(conversation, "What is the capital of France?"))
        assert first["state"] == "done"
        assert first["markdown"].strip()

        second_start = stack.refused()
        assert second_start.returncode == 2
        assert f"already running on the data folder {stack.data_dir} (process {process.pid})" in second_start.stderr
        assert "Traceback" not in second_start.stderr

        victim = child(process, "serve")
        states = []
        for view in visitor.views(conversation, visitor.ask(conversation, "Tell me a long story about a river")):
            if view["state"] == "writing" and "writing" not in states:
                victim.kill()
            states.append(view["state"])
        assert states[-1] == "done"
        assert "waiting" in states[states.index("writing") :]  # it was cut off, said so, and went on by itself
        assert child(process, "serve").pid != victim.pid
        assert "[supervisor] serve ended with code -9; starting it again" in stack.log.read_text()

        everything = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert len(everything) >= 3  # the database, the model and the page
        assert [left for left in everything if left.is_running()] == []

    with stack.up() as process:
        page = visitor.page()
        for text in ("What is the capital of France?", "Tell me a long story about a river"):
            assert text in page
        assert page.count('data-state="done"') == 2
        third = visitor.answer(conversation, visitor.ask(conversation, "Thank you"))
        assert third["state"] == "done"

        everything = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        gone, alive = psutil.wait_procs(everything, timeout=LONGEST_START_S)
        assert everything
        assert not alive, gone


@pytest.mark.parametrize("variable", ["GLADOS_WEB_PORT", "GLADOS_SERVE_PORT"])
def test_a_taken_port_is_named_with_the_setting_that_changes_it(stack: Stack, variable: str) -> None:
    port = int(stack.env[variable])
    with _listening(port):
        run = stack.refused()
    assert run.returncode == 2
    assert f"{variable}={port}: cannot listen" in run.stderr
    assert f"set {variable} to a free port" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_model_that_does_not_exist_ends_the_start_with_its_name(stack: Stack) -> None:
    stack.env["GLADOS_MODEL"] = "/nowhere/model"
    run = stack.refused()
    assert run.returncode == 2
    assert "glados: /nowhere/model: no such model or path" in run.stderr  # `up` itself looks, before any role starts
    assert "Traceback" not in run.stdout + run.stderr
    assert "starting it again" not in run.stdout


@contextmanager
def _listening(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield
