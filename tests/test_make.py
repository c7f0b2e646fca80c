"""`make setup` before there is anything to test with: stand-ins for Python and the shell's tools, the real Makefile."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes.stack import ROOT

# Makes a virtual environment whose Python is this script again; every install takes a while and is written down.
PYTHON = """#!/bin/sh
case "$*" in
  "-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *install*) echo "begin $PPID" >> log; sleep 0.3; echo "end $PPID" >> log ;;
  *version_info*) exit "${TOO_OLD:-0}" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile and what its rules look at."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def make(checkout: Path, *args: str, **env: str) -> "subprocess.Popen[str]":
    command = ["make", "PYTHON=./python", *args]
    return subprocess.Popen(
        command, cwd=checkout, env={**os.environ, **env}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def test_each_step_is_said_and_done_once(checkout: Path) -> None:
    said, _ = make(checkout, "setup").communicate(timeout=60)
    for step in ("[1/3] making the virtual environment", "[2/3] installing the packages", "[3/3] installing the small"):
        assert step in said
    again, _ = make(checkout, "setup").communicate(timeout=60)
    assert again == ""


def test_two_at_once_do_not_install_into_the_same_folder(checkout: Path) -> None:
    runs = [make(checkout, "setup") for _ in range(2)]
    said = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted("another make is installing here" in text for text in said) == [False, True]
    steps = (checkout / "log").read_text().splitlines()
    assert [step.split()[0] for step in steps] == ["begin", "end"] * 2  # packages, then the model; once


def test_too_old_a_python_is_refused_with_the_way_to_name_another(checkout: Path) -> None:
    run = make(checkout, "setup", TOO_OLD="1")
    said, _ = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "Python 3.11 or newer is needed; call: make PYTHON=" in said
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("1", 1)])
def test_missing_system_packages_are_named_with_what_to_do(tmp_path: Path, ci: str, code: int) -> None:
    for name, text in {"apt-get": "exit 100", "id": "echo 1000", "sudo": "exit 1"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    script = [shutil.which("sh") or "sh", str(ROOT / "tests" / "system_packages.sh")]
    run = subprocess.run(script, env={"PATH": str(tmp_path), "CI": ci}, capture_output=True, text=True, check=False)
    assert run.returncode == code
    assert "sudo apt-get install chromium redis-server nodejs npm" in run.stderr
