"""The command line: readable help, errors in one line, quick tools that need no torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glados_bots import platforms
from glados_bots.cli import app as cli
from tests.servers import free_port

ROOT = Path(__file__).parents[2]


def glados(*args: str, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "glados_bots", *args]
    own = {"GLADOS_SERVE_PORT": str(free_port())}  # other tests start a service at the same time
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT, env={**os.environ, **own, **env}
    )


@pytest.mark.parametrize(
    "command",
    [
        "",
        "up",
        "serve",
        "web",
        "models",
        "doctor",
        "render",
        "health",
        "backup",
        "restore",
        "migrate",
        "keys create",
        "keys list",
        "keys revoke",
        "audit",
        "store repair",
        "hash-password",
    ],
)
def test_help_says_what_a_command_does(command: str) -> None:
    for platform in platforms.installed().values():
        if platform.name not in {found.name for found in cli.app.registered_commands}:
            cli._add_platform(platform)
    result = CliRunner().invoke(cli.app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "usage" in result.output.lower()
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
    assert "fail redis: " in result.stdout
    assert "remedy: start the server, or correct GLADOS_REDIS_URL" in result.stdout


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


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("model.toml", 'colour = "red"\n[base]\nhub = "a/b"\n', "model.toml: colour: Extra inputs"),
        ("pytorch_model.bin", "not even a pickle", "pytorch_model.bin: GLaDOS refuses pickled weights"),
        ("notes.txt", "no weights at all", "has no .safetensors file"),
    ],
)
def test_a_model_folder_that_cannot_be_used_is_one_line(tmp_path: Path, name: str, content: str, text: str) -> None:
    (tmp_path / name).write_text(content)
    result = glados("serve", "--model", str(tmp_path), GLADOS_DATA_DIR=str(tmp_path / "data"))
    assert result.returncode == 2, result.stdout + result.stderr
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_a_disk_that_fills_up_while_the_model_is_converted_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    """No file may grow beyond 1 MB: what the kernel then says is what it says on a full disk."""
    limited = f"ulimit -f 1024; exec {sys.executable} -m glados_bots serve --model smollm2_135m"
    result = subprocess.run(
        ["/bin/bash", "-c", limited], capture_output=True, text=True, check=False, timeout=240, cwd=ROOT,
        env={**os.environ, "GLADOS_DATA_DIR": str(tmp_path), "GLADOS_SERVE_PORT": str(free_port())},
    )  # fmt: skip
    assert result.returncode == 2, result.stdout + result.stderr
    assert f"no room in {tmp_path / 'models'}" in result.stderr
    assert "set GLADOS_DATA_DIR to another disk" in result.stderr
    assert [left for left in (tmp_path / "models").iterdir() if left.is_dir()] == []


def test_render_turns_markdown_into_a_platforms_text() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "glados_bots", "render", "--to", "discord"]
    result = subprocess.run(command, input="#### Deep\n", capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.stdout.strip() == "**Deep**"
    assert " torch\n" not in result.stderr
