"""Coding agents: how to start each of them without a person, an account, telemetry, or any network but loopback."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.clients.node.service import KEY, WIDE, WINDOW

HERE = Path(__file__).parent
TASK = "Read note.txt and tell me the password."
NOWHERE = "http://127.0.0.1:9"  # a proxy that does not exist: what is not loopback fails
ANSWER_TOKENS = 512


@dataclass(frozen=True)
class Agent:
    """One agent.

    Attributes:
        name: of the folder with its package.json.
        program: its file below node_modules/.bin.
        configure: writes the settings for a service, given the home, the project and the base URL.
        arguments: of the program, before the task.
        variables: of the environment, given the home and the base URL.
        reads: the tool that reads a file, and its arguments, given the file.
    """

    name: str
    program: str
    configure: Callable[[Path, Path, str], None]
    arguments: tuple[str, ...]
    variables: Callable[[Path, str], dict[str, str]]
    reads: Callable[[Path], tuple[str, dict[str, str]]]

    @property
    def executable(self) -> Path:
        return HERE / self.name / "node_modules" / ".bin" / self.program

    def command(self) -> list[str]:
        return [str(self.executable), *self.arguments, TASK]

    def environment(self, home: Path, url: str) -> dict[str, str]:
        proxies = {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost"}
        return {"PATH": os.environ["PATH"], "HOME": str(home), **proxies, **self.variables(home, url)}


def _configure_opencode(home: Path, project: Path, url: str) -> None:
    del home
    model = {"name": WIDE, "tool_call": True, "limit": {"context": WINDOW, "output": ANSWER_TOKENS}}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "GLaDOS",
        "options": {"baseURL": url, "apiKey": KEY},
        "models": {WIDE: model},
    }
    settings = {
        "model": f"glados/{WIDE}",
        "small_model": f"glados/{WIDE}",
        "autoupdate": False,
        "share": "disabled",
        "permission": {"bash": "deny", "edit": "deny", "webfetch": "deny"},
        "provider": {"glados": provider},
    }
    (project / "opencode.json").write_text(json.dumps(settings))


def _opencode_variables(home: Path, url: str) -> dict[str, str]:
    del home, url
    names = ("AUTOUPDATE", "DEFAULT_PLUGINS", "LSP_DOWNLOAD", "MODELS_FETCH")
    return {f"OPENCODE_DISABLE_{name}": "1" for name in names}


def _configure_qwen(home: Path, project: Path, url: str) -> None:
    del project, url
    folder = home / ".qwen"
    folder.mkdir()
    settings = {
        "telemetry": {"enabled": False},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False},
        "memory": {"enableManagedAutoMemory": False},
        "model": {"generationConfig": {"contextWindowSize": WINDOW, "samplingParams": {"max_tokens": ANSWER_TOKENS}}},
    }
    (folder / "settings.json").write_text(json.dumps(settings))


def _qwen_variables(home: Path, url: str) -> dict[str, str]:
    del home
    return {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY, "OPENAI_MODEL": WIDE}


def _configure_codex(home: Path, project: Path, url: str) -> None:
    del project
    folder = home / ".codex"
    folder.mkdir()
    (folder / "config.toml").write_text(f"""
model = "{WIDE}"
model_provider = "glados"
model_context_window = {WINDOW}
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.glados]
name = "GLaDOS"
base_url = "{url}"
wire_api = "responses"
env_key = "GLADOS_API_KEY"
request_max_retries = 0
stream_max_retries = 0
""")


def _codex_variables(home: Path, url: str) -> dict[str, str]:
    del home, url
    return {"GLADOS_API_KEY": KEY}


AGENTS = (
    Agent(
        "opencode",
        "opencode",
        _configure_opencode,
        ("run", "--format", "json"),
        _opencode_variables,
        lambda file: ("read", {"filePath": str(file)}),
    ),
    Agent(
        "qwen_code",
        "qwen",
        _configure_qwen,
        ("--auth-type", "openai", "--output-format", "json", "--prompt"),
        _qwen_variables,
        lambda file: ("read_file", {"file_path": str(file)}),
    ),
    Agent(
        "codex",
        "codex",
        _configure_codex,
        ("exec", "--json", "--skip-git-repo-check", "--ephemeral", "--sandbox", "read-only"),
        _codex_variables,
        lambda file: ("exec_command", {"cmd": f"cat {file}"}),
    ),
)
