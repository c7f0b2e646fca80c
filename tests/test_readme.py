"""The README's commands do what it says: each one is really run, on ports and a data folder of the test's own."""

import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from glados_bots.inference.model_files.choosing import resolve
from glados_bots.inference.model_files.weights import fetch
from glados_web.chats import new_conversation
from tests.processes.stack import LONGEST_START_S, ROOT, Stack, Visitor

README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
QUOTES = '"""'
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * LONGEST_START_S)]


def commands() -> list[str]:
    """Every command of every shell block, comments and line ends removed."""
    blocks = re.findall(r"^```(?:sh|bash)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.join(words) for words in (shlex.split(line, comments=True) for line in lines) if words]


UP = [command for command in commands() if " up" in command]
FROM_FOLDER = ".venv/bin/glados up --model path/to/folder"
MAKE = [command for command in commands() if command.startswith("make ")]
OTHERS = [command for command in commands() if command not in {*UP, *MAKE}]


def bash(command: str, env: dict[str, str]) -> str:
    """Run a command of the README; returns what it printed."""
    run = subprocess.run(
        ["/bin/bash", "-euc", command.replace(".venv/bin", str(BIN))],
        env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONGEST_START_S,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="session")
def weights() -> Path:
    """The small model as a folder of safetensors."""
    card, _ = resolve("smollm2_135m")
    return fetch(card, ROOT / "data", None)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Stack]:
    """What the README starts with a folder, which is named like the model that its other commands ask for."""
    folder = tmp_path_factory.mktemp("readme") / "smollm2_135m"
    folder.mkdir()
    for file in weights.iterdir():
        (folder / file.name).symlink_to(file)
    running = Stack(folder.with_name("data"))
    with running.up(*shlex.split(FROM_FOLDER.replace("path/to/folder", str(folder)))[2:]):
        yield running


@pytest.fixture
def hub(tmp_path: Path, weights: Path) -> dict[str, str]:
    """Variables of a hub cache that holds the small model as ORG/NAME, so that nothing is fetched."""
    repository = tmp_path / "hub" / "models--ORG--NAME"
    (repository / "snapshots").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    (repository / "snapshots" / ("0" * 40)).symlink_to(weights)
    return {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}


def test_the_tree_names_every_room_with_the_sentence_that_stands_at_its_door() -> None:
    tree = README.split("## What is where")[1]
    doors = sorted((ROOT / "glados_bots").glob("*/__init__.py"))
    sentences = [f"{door.parent.name}/ {door.read_text().split(QUOTES)[1].splitlines()[0]}" for door in doors]
    lines = [" ".join(line.split()) for line in tree.splitlines()]
    assert sentences
    assert [sentence for sentence in sentences if sentence not in lines] == []


def test_the_tree_names_every_folder() -> None:
    tree = README.split("## What is where")[1]
    tracked = subprocess.run(["/usr/bin/env", "git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    folders = {f"{path.split('/')[0]}/" for path in tracked.stdout.splitlines() if path[0] != "." and "/" in path}
    assert [folder for folder in sorted(folders) if folder not in tree] == []


def test_no_folder_is_a_list_nobody_reads() -> None:
    """At most 20 files in a folder, and 31 names at the top of the core: more hides the design."""
    tracked = subprocess.run(["/usr/bin/env", "git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    paths = [Path(path) for path in tracked.stdout.splitlines()]
    files = Counter(path.parent for path in paths)
    assert {str(folder): count for folder, count in files.items() if count > 20} == {}
    assert len({path.parts[1] for path in paths if path.parts[0] == "glados_bots"}) <= 31


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []


def test_every_kind_of_command_is_found() -> None:
    assert FROM_FOLDER in UP
    assert OTHERS
    assert {"make run", "make test"} <= set(MAKE)


@pytest.mark.parametrize("command", MAKE)
def test_make_target_calls_what_is_there(command: str) -> None:
    """`make -n` lists what would be run; what the two main targets end in is run here, and `up` in the tests below."""
    recipe = bash(command.replace("make", "make -n"), dict(os.environ)).rstrip()
    if command == "make run":
        assert recipe.endswith(".venv/bin/glados up")
    elif command == "make test":
        assert recipe.endswith(".venv/bin/python -m pytest")
        collected = bash(".venv/bin/python -m pytest --collect-only -q tests/test_readme.py", dict(os.environ))
        assert "test_make_target_calls_what_is_there" in collected


@pytest.mark.parametrize("command", OTHERS)
def test_command_beside_a_running_stack(command: str, stack: Stack) -> None:
    command = command.replace(":5950", f":{stack.web_port}").replace(":5951", f":{stack.serve_port}")
    printed = bash(command, stack.env)
    assert printed.strip()
    assert '"error"' not in printed


def test_the_page_is_where_the_readme_says(stack: Stack) -> None:
    (port,) = set(re.findall(r"http://localhost:(5950)\b", README))
    assert httpx.get(f"http://localhost:{stack.web_port}", follow_redirects=True, trust_env=False).is_success
    assert f"open http://localhost:{stack.web_port} " in stack.log.read_text()
    assert f"`{port}`" in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", UP)
def test_start_with_a_model(command: str, hub: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if command == FROM_FOLDER:
        assert _answering_model(request.getfixturevalue("stack")) == "smollm2_135m"
        return
    stack = Stack(tmp_path / "data")
    stack.env |= hub
    with stack.up(*shlex.split(command)[2:]):
        assert _answering_model(stack) == "NAME"


def _answering_model(stack: Stack) -> str:
    """Have the page answer a question; returns the name of the model behind it, without its folder."""
    with Visitor(stack.url) as visitor:
        assert visitor.page()
        conversation = new_conversation()
        assert visitor.answer(conversation, visitor.ask(conversation, "Say hello"))["state"] == "done"
    served = httpx.get(f"http://127.0.0.1:{stack.serve_port}/v1/models", trust_env=False).json()["data"]
    return Path(served[0]["id"]).name
