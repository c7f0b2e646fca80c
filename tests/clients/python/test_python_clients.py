"""Python libraries and agents do their real thing at the service, each in an environment of its own."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.node.service import KEY, SMALL, served

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs/clients.md"
# The folder of each client, and the package whose version the page tells.
CLIENTS = {
    "openai_sdk": "openai",
    "pydantic_ai": "pydantic-ai-slim",
    "instructor": "instructor",
    "langchain": "langchain-openai",
    "openai_agents": "openai-agents",
    "litellm": "litellm",
    "llama_index": "llama-index-llms-openai-like",
    "smolagents": "smolagents",
    "llm": "llm",
    "aider": "aider-chat",
}
LONGEST_S = 400


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(SMALL, tmp_path_factory.mktemp("small")) as address:
        yield address


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_does_its_real_thing(client: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = HERE / client
    python = folder / ".venv/bin/python"
    if not python.exists():
        pytest.skip("it has no environment; call: make clients")
    result = subprocess.run(
        [python, "client.py", request.getfixturevalue("url"), KEY, SMALL],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HERE), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    done = json.loads(result.stdout.splitlines()[-1])
    assert done
    assert set(done.values()) == {"ok"}, json.dumps(done, indent=1)


@pytest.mark.parametrize("client", CLIENTS)
def test_the_page_tells_the_version_that_the_test_uses(client: str) -> None:
    package = CLIENTS[client]
    found = re.search(rf"^{re.escape(package)}==(\S+)$", (HERE / client / "requirements.txt").read_text(), re.MULTILINE)
    assert found
    assert re.search(rf"\| (?:{re.escape(package)} )?{re.escape(found[1])} \|", PAGE.read_text())


def test_every_folder_is_a_client() -> None:
    assert {path.parent.name for path in HERE.glob("*/client.py")} == set(CLIENTS)
