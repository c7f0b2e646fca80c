"""Runs Python in the environment of one client."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.node.agents import NOWHERE

HERE = Path(__file__).parent
LONGEST_S = 400


def needs(client: str) -> Path:
    """The folder of the client's environment; skips the test where it is missing, and says why."""
    made = HERE / client / ".venv"
    if not (made / "ready").exists():
        failed = made / "failed"
        why = failed.read_text().splitlines()[-1:] if failed.exists() else []
        pytest.skip(f"{client} has no environment: {why[0] if why else 'call make clients'}")
    return made


def run(client: str, home: Path, *arguments: str) -> str:
    """What Python prints in the client's environment, without any network but loopback."""
    python = needs(client) / "bin/python"
    proxies = {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost"}
    result = subprocess.run(
        [python, *arguments],
        cwd=HERE / client,
        env={**os.environ, **proxies, "PYTHONPATH": str(HERE), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def do(client: str, home: Path, script: str, *service: str) -> None:
    """Runs a script of the client at a service (base URL, key, model): every part of it must end well."""
    done = json.loads(run(client, home, script, *service).splitlines()[-1])
    assert done
    assert set(done.values()) == {"ok"}, json.dumps(done, indent=1)
