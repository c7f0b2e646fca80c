"""A client that cannot be installed is skipped and says why, and the others are installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.python import environment

# Makes an environment whose Python is this script again; what it installs from a folder "broken" fails.
PYTHON = """#!/bin/sh
case "$*" in
  "-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *broken*) echo "a warning" >&2; echo "ERROR: no network" >&2; exit 1 ;;
  *) echo "$*" >> log ;;
esac
"""


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    """A folder with two clients, the first of which cannot be installed."""
    shutil.copy(environment.HERE / "environments.sh", tmp_path)
    (tmp_path / "python3").write_text(PYTHON)
    (tmp_path / "python3").chmod(0o755)
    for client in ("broken", "whole"):
        (tmp_path / client).mkdir()
        (tmp_path / client / "requirements.txt").touch()
    return tmp_path


def install(clients: Path) -> str:
    environ = {**os.environ, "PYTHON": str(clients / "python3")}
    return subprocess.run(
        ["/bin/sh", clients / "environments.sh"], env=environ, capture_output=True, text=True, check=True
    ).stdout


def test_what_cannot_be_installed_is_said_and_tried_again(clients: Path) -> None:
    for _ in range(2):
        assert "broken is not installed, so its tests are skipped: ERROR: no network" in install(clients)
    assert (clients / "log").read_text().count("whole/requirements.txt") == 1


def test_a_test_of_it_is_skipped_with_the_reason(clients: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "HERE", clients)
    with pytest.raises(pytest.skip.Exception, match="call make clients"):
        environment.needs("whole")
    install(clients)
    assert environment.needs("whole") == clients / "whole/.venv"
    with pytest.raises(pytest.skip.Exception, match="ERROR: no network"):
        environment.needs("broken")
