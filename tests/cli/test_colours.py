"""Colours are for terminals, and for those who want them."""

import subprocess

import pytest

from tests.cli.calls import GLADOS, ROOT, in_a_terminal

pytestmark = pytest.mark.slow  # a process for each call
ESCAPE = "\x1b"
CALLS = ("--help", "up --help", "models list", "version")  # of doctor: test_findings.py


@pytest.mark.parametrize("call", ["--help", "up --help"])
def test_a_terminal_has_colours(call: str) -> None:
    assert ESCAPE in in_a_terminal(*GLADOS, *call.split())


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("wish", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_has_none_where_they_are_not_wanted(call: str, wish: dict[str, str]) -> None:
    drawn = in_a_terminal(*GLADOS, *call.split(), env=wish)
    assert ESCAPE not in drawn
    assert len(drawn.split()) > 10


@pytest.mark.parametrize("call", CALLS)
def test_a_pipe_has_none_not_even_in_somebodys_pipeline(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    ran = subprocess.run([*GLADOS, *call.split()], capture_output=True, text=True, check=False, cwd=ROOT)
    assert ESCAPE not in ran.stdout + ran.stderr
    assert len(ran.stdout.split()) > 10
