"""Coding agents finish a task at the service, each as people start it.

An engine that calls a tool shows the whole loop: the agent reads the file, and the next request holds what is in it.
A random model with a wide window shows that long prompts and all tools of the agent are taken, with a plain end.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glados_bots.inference.api.app import create_app
from tests.clients.engine import AskingEngine
from tests.clients.node.agents import AGENTS, Agent
from tests.clients.node.service import KEY, served, write_wide
from tests.servers import in_a_thread

LONGEST_S = 120
SECRET, END = "swordfish", "The password is swordfish."

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name),
]


class Statuses:
    """An app that notes the path and the status of each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen: list[tuple[str, int]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.seen.append((scope["path"], message["status"]))
            await send(message)

        await self._app(scope, receive, noted)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("wide")
    with served(str(write_wide(folder)), folder) as address:
        yield address


def work(agent: Agent, url: str, tmp_path: Path) -> str:
    """What the agent prints while it does its task."""
    if not agent.executable.is_file():
        pytest.skip(f"needs node and `make clients`, which installs {agent.name}")
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    (project / "note.txt").write_text(f"The password of the day is {SECRET}.\n")
    agent.configure(home, project, url)
    result = subprocess.run(
        agent.command(),
        cwd=project,
        env=agent.environment(home, url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def failures(said: str) -> list[dict[str, Any]]:
    """Of the JSON events that an agent prints, those that tell of an error of its own or of the service."""
    events: list[dict[str, Any]] = []
    for line in said.splitlines():
        told = json.loads(line)
        events.extend(told if isinstance(told, list) else [told])
    return [event for event in events if event["type"] in {"error", "turn.failed"} or event.get("is_error")]


def test_an_agent_reads_a_file_by_a_tool_call(agent: Agent, tmp_path: Path) -> None:
    tool, arguments = agent.reads(tmp_path / "project" / "note.txt")
    engine = AskingEngine({tool: arguments}, SECRET, END)
    app = Statuses(create_app(engine, api_key=KEY))
    with in_a_thread(app) as address:
        said = work(agent, f"{address}/v1", tmp_path)
    assert END in said
    assert not failures(said)
    results = [message for messages, _ in engine.asked for message in messages if message.role == "tool"]
    assert results
    assert all(SECRET in message.content for message in results)
    assert {status for _, status in app.seen} == {200}, app.seen


def test_an_agent_takes_what_a_random_model_says(agent: Agent, wide: str, tmp_path: Path) -> None:
    assert not failures(work(agent, wide, tmp_path))
