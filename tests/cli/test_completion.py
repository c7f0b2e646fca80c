"""Shell completion: commands, options, and names of models, in a real bash, and as zsh and fish ask for them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calls import ROOT

pytestmark = pytest.mark.slow  # a process for each press of Tab
BASH = shutil.which("bash")
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

# What Tab does, line by line of standard input: the words so far, and the function that `complete` has registered.
TAB = """
eval "$(glados --show-completion)"
tab=$(complete -p glados | sed 's/.*-F \\([^ ]*\\).*/\\1/')
while read -ra COMP_WORDS; do
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    $tab glados
    echo "${COMPREPLY[@]}"
done
"""
OFFERED = {
    "glados m": "models migrate",
    "glados models pl": "plan",
    "glados up --eng": "--engine",
    "glados models plan glados_r": "glados_redpajama7b_base",
    "glados serve --model smollm2": "smollm2_135m",
    "glados health s": "serve slack",
    "glados turns list --platform d": "discord",
    "glados render --to slack-": "slack-blocks",
}


def run(*command: str, typed: str = "", **env: str) -> str:
    whole = {**os.environ, "PATH": PATH, **env}
    done = subprocess.run(command, input=typed, capture_output=True, text=True, check=False, cwd=ROOT, env=whole)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_bash_completes() -> None:
    assert BASH
    lines = run(BASH, "--norc", "-c", TAB, typed="".join(f"{line}\n" for line in OFFERED)).splitlines()
    assert {line: {*found.split()} for line, found in zip(OFFERED, lines, strict=True)} == {
        line: {*offered.split()} for line, offered in OFFERED.items()
    }


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_get_a_script_and_their_words(shell: str) -> None:
    script = run("glados", _GLADOS_COMPLETE=f"source_{shell}")
    assert f"complete_{shell}" in script
    asked = {"_TYPER_COMPLETE_ARGS": "glados models pla", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert "plan" in run("glados", _GLADOS_COMPLETE=f"complete_{shell}", **asked)


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_completion_is_installed_for_the_shell_that_asks(tmp_path: Path) -> None:
    assert BASH
    said = run(BASH, "--norc", "-c", "glados --install-completion; true", HOME=str(tmp_path))
    assert "bash completion installed" in said
    installed = tmp_path / ".bash_completions" / "glados.sh"
    assert str(installed) in (tmp_path / ".bashrc").read_text()
    assert "complete -o default -F" in installed.read_text()


def test_a_wrong_setting_does_not_break_a_line_that_is_being_typed(tmp_path: Path) -> None:
    asked = {"COMP_WORDS": "glados models plan smollm2", "COMP_CWORD": "3", "GLADOS_WEB_PORT": "zero"}
    assert run("glados", _GLADOS_COMPLETE="complete_bash", HOME=str(tmp_path), **asked).split() == ["smollm2_135m"]
