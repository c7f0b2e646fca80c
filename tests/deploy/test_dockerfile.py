"""The image: linted, non-root, with a health check, and nothing in its context but what it needs."""

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.deploy.places import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions(stage: str) -> list[tuple[str, str]]:
    """(instruction, arguments) of one stage, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", DOCKERFILE))
    stages = re.split(r"(?m)^FROM \S+ AS (\w+)$", text)
    body = dict(zip(stages[1::2], stages[2::2], strict=True))[stage]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in body.splitlines() if line)]


def only(stage: str, word: str) -> str:
    """The arguments of an instruction that stands once."""
    (found,) = [rest for name, rest in instructions(stage) if name == word]
    return found


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    result = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /tmp && sudo apt-get install x\n")
    hadolint = Path(sys.executable).with_name("hadolint")
    result = subprocess.run([hadolint, tmp_path / "Dockerfile"], capture_output=True, text=True, check=False)
    assert result.returncode != 0


def test_the_runtime_stage_is_a_numbered_user_that_is_not_root() -> None:
    uid, _, gid = only("runtime", "USER").partition(":")
    assert int(uid) > 0
    assert int(gid) > 0
    words = [word for word, _ in instructions("runtime")]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert not [rest for word, rest in instructions("runtime") if word == "RUN" and "pip" in rest]


def test_one_image_for_every_role() -> None:
    assert json.loads(only("runtime", "ENTRYPOINT")) == ["glados"]
    assert json.loads(only("runtime", "CMD")) == ["up"]
    assert json.loads(only("runtime", "HEALTHCHECK").partition("CMD ")[2]) == ["glados", "health", "web"]
    assert only("runtime", "STOPSIGNAL") == "SIGTERM"


def test_torch_comes_from_an_index_of_its_own_and_nothing_else_does() -> None:
    runs = [rest for word, rest in instructions("build") if word == "RUN"]
    (torch,) = [run for run in runs if "TORCH_INDEX" in run]
    assert "--no-deps --index-url" in torch
    assert "extra-index-url" not in DOCKERFILE
    assert only("build", "WORKDIR") == "/src"
    arguments = dict(rest.partition("=")[::2] for word, rest in instructions("build") if word == "ARG")
    assert arguments.keys() == {"TORCH", "TORCH_INDEX", "VERSION"}
    assert arguments["TORCH_INDEX"] == "https://download.pytorch.org/whl"
    found = re.search(r"(?m)^torch==.*$", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    assert found, "the line that the build greps for"


def test_what_is_copied_exists_and_is_let_into_the_context() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    assert ignored[1] == "*"
    for word, rest in instructions("build"):
        if word == "COPY":
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source in allowed, source


@pytest.mark.parametrize("path", [".env", "data/x", ".git/config", "tests/conftest.py", "models/m/adapter_model.bin"])
def test_secrets_data_and_weights_stay_out_of_the_context(path: str) -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n") if line[:1] not in "# "]
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        if any(fnmatch(part, pattern.replace("**/", "*")) for part in (path, path.partition("/")[0])):
            ignored = not rule.startswith("!")
    assert ignored
