"""Whole processes with canaries as secrets, where nothing answers: no line, no metric and no command line shows one."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.deploy.places import ROOT
from tests.servers import free_port

CANARIES = {
    "GLADOS_API_KEY": "canary-api-key",
    "GLADOS_HF_TOKEN": "canary-hub-token",
    "GLADOS_REDIS_URL": "redis://glados:canary-redis@127.0.0.1:1/0",
    "GLADOS_DISCORD_TOKEN": "canary.discord.token",
    "GLADOS_SLACK_BOT_TOKEN": "xoxb-canary-slack",
    "GLADOS_SLACK_APP_TOKEN": "xapp-canary-slack",
    "GLADOS_SLACK_SIGNING_SECRET": "canary-signing",
}
LONGEST_S = 60


def leaks(text: str) -> list[str]:
    return [line for line in text.splitlines() if "canary" in line]


@pytest.mark.slow
@pytest.mark.parametrize("role", ["web", "discord", "slack"])
def test_a_role_that_reaches_nothing_shows_no_secret(role: str, tmp_path: Path) -> None:
    metrics, log = free_port(), tmp_path / "log"
    env = {
        **os.environ,
        **CANARIES,
        "GLADOS_WEB_PORT": str(free_port()),
        "GLADOS_METRICS_PORT": str(metrics),
        "GLADOS_INFERENCE_URL": "http://127.0.0.1:1/v1",
        "GLADOS_DISCORD_API_BASE": "http://127.0.0.1:1/api/",
        "GLADOS_SLACK_API_BASE": "http://127.0.0.1:1/api/",
        "GLADOS_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "GLADOS_DATA_DIR": str(tmp_path),
        "GLADOS_LOG_LEVEL": "debug",
        "GLADOS_LOG_FORMAT": "json",
        "GLADOS_GRACE": "1",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "glados_bots", role], cwd=ROOT, env=env, stdout=out, stderr=out
        )
    shown = ""
    try:
        deadline = time.monotonic() + LONGEST_S
        while log.read_text(errors="replace").count("\n") < 3 and process.poll() is None:
            assert time.monotonic() < deadline, "it says nothing"
            time.sleep(0.2)
        if process.poll() is None:
            shown = Path(f"/proc/{process.pid}/cmdline").read_text()
            shown += scraped(metrics)
    finally:
        process.terminate()
        process.wait(LONGEST_S)
    said = log.read_text(errors="replace")
    assert said.strip()
    assert leaks(said) == []
    assert leaks(shown) == []


def scraped(port: int) -> str:
    """The metrics page, where the role has one already."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=20).text
    except httpx.HTTPError:
        return ""
