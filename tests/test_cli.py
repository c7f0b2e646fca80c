"""The command line: readable help, errors in one line, quick tools that need no torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glados_bots import cli, platforms

ROOT = Path(__file__).parents[1]


def glados(*args: str, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "glados_bots", *args]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT, env={**os.environ, **env}
    )


@pytest.mark.parametrize("command", ["", "up", "serve", "web", "models", "doctor", "render"])
def test_help_says_what_a_command_does(command: str) -> None:
    for platform in platforms.installed().values():
        if platform.name not in {found.name for found in cli.app.registered_commands}:
            cli._add_platform(platform)
    result = CliRunner().invoke(cli.app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output
    assert len(result.output.split()) > 15


def test_models_are_listed_with_what_is_here() -> None:
    result = glados("models", COLUMNS="250", HF_HUB_OFFLINE="1")
    assert result.returncode == 0, result.stderr
    for name in ("smollm2_135m", "glados_redpajama7b_base", "glados_together_20b", "glados_starcoder", "deprecated"):
        assert name in result.stdout


def test_doctor_looks_at_everything_and_says_what_to_do(tmp_path: Path) -> None:
    result = glados("doctor", GLADOS_DATA_DIR=str(tmp_path), GLADOS_REDIS_URL="redis://127.0.0.1:1/0")
    assert result.returncode == 1
    for name in ("python", "torch", "gpu", "settings", "data folder", "redis", "model", "GLADOS_WEB_PORT"):
        assert name in result.stdout
    assert "✗ redis" in result.stdout
    assert "-> start the server, or correct GLADOS_REDIS_URL" in result.stdout


@pytest.mark.parametrize(
    ("args", "env", "text"),
    [
        (["serve", "--model", "/nowhere/model"], {}, "/nowhere/model: no such model or path"),
        (["serve", "--model", "glados_starcoder"], {}, "missing: its LoRA"),
        (["web"], {"GLADOS_WEB_PORT": "zero"}, "GLADOS_WEB_PORT=zero"),
        (["up"], {"GLADOS_DATA_DIR": "/proc/nowhere"}, "GLADOS_DATA_DIR=/proc/nowhere"),
    ],
)
def test_what_people_can_mend_is_one_line_and_exit_code_2(args: list[str], env: dict[str, str], text: str) -> None:
    result = glados(*args, **env)
    assert result.returncode == 2, result.stdout + result.stderr
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_render_turns_markdown_into_a_platforms_text() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "glados_bots", "render", "--to", "discord"]
    result = subprocess.run(command, input="#### Deep\n", capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.stdout.strip() == "**Deep**"
    assert " torch\n" not in result.stderr
