"""What docs/release.md promises of the version: git's newest tag, or what stands for it where there is none."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.version import Version

from glados_bots import __version__

ROOT = Path(__file__).parents[1]
WITHOUT_GIT = "0.1.0.dev0"
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def built(folder: Path) -> str:
    """The version that a build in this folder would get."""
    command = [sys.executable, "-m", "hatchling", "version"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_a_tag_is_the_version_and_commits_after_it_are_counted(source: Path) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["/usr/bin/env", "git", *who, *words], cwd=source, check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "--message", "Release 3.2.1")
    git("tag", "v3.2.1")
    assert built(source) == "3.2.1"
    git("commit", "--allow-empty", "--message", "More")
    for no_version in ("nightly", "data-2.0", "viewer1.5"):
        git("tag", no_version)
    assert built(source).startswith("3.2.2.dev1+g")


def test_without_git_there_is_a_version_too(source: Path) -> None:
    assert built(source) == WITHOUT_GIT
    assert f"ARG VERSION={WITHOUT_GIT}\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"GLADOS_VERSION:-{WITHOUT_GIT}" in (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")


def test_what_packs_our_code_is_pinned_to_what_is_tested() -> None:
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert set(pins) <= set((ROOT / "requirements.lock").read_text(encoding="utf-8").split())


def test_the_version_that_is_shown_is_one_that_pip_can_order() -> None:
    assert str(Version(__version__)) == __version__


def test_the_changelog_begins_with_what_is_not_released_and_goes_down_from_there() -> None:
    first, *others = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert first == "[Unreleased]"
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", CHANGELOG, re.MULTILINE)
    assert len(released) == len(others), "a version is dated: ## [1.2.3] - 2026-11-27"
    assert released == sorted(released, key=Version, reverse=True)


def test_a_wheel_has_every_file_of_the_packages(tmp_path: Path) -> None:
    """Hatch leaves out what .gitignore names, such as a folder `data`."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as opened:
        names = set(opened.namelist())
    homes = {ROOT / "glados_bots": ROOT, ROOT / "adapters": ROOT / "adapters"}
    files = {str(path.relative_to(home)) for folder, home in homes.items() for path in folder.rglob("*")
             if path.is_file() and "__pycache__" not in path.parts}  # fmt: skip
    assert "glados_bots/wording/catalogues/de.po" in files
    assert files - names == set()
