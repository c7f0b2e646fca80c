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

# What Tab does: the words so far, and the function that `complete` has registered.
TAB = """
eval "$(glados --show-completion)"
COMP_WORDS=(%s) COMP_CWORD=%d
$(complete -p glados | sed 's/.*-F \\([^ ]*\\).*/\\1/') glados
printf '%%s\\n' "${COMPREPLY[@]}"
"""


def run(*command: str, **env: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PATH": PATH, **env}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tabbed(*words: str) -> list[str]:
    """What bash offers for the last of these words."""
    assert BASH
    quoted = " ".join(f"'{word}'" for word in ("glados", *words))
    return run(BASH, "--norc", "-c", TAB % (quoted, len(words))).split()


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("m",), ["models", "migrate"]),
        (("models", "pl"), ["plan"]),
        (("up", "--eng"), ["--engine"]),
        (("models", "plan", "glados_r"), ["glados_redpajama7b_base"]),
        (("serve", "--model", "smol"), ["smollm2_135m"]),
        (("health", "s"), ["serve", "slack"]),
        (("turns", "list", "--platform", "d"), ["discord"]),
        (("render", "--to", "slack-"), ["slack-blocks"]),
    ],
)
def test_bash_completes(words: tuple[str, ...], offered: list[str]) -> None:
    assert sorted(tabbed(*words)) == sorted(offered)


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
    asked = {"COMP_WORDS": "glados models plan smol", "COMP_CWORD": "3", "GLADOS_WEB_PORT": "zero"}
    assert run("glados", _GLADOS_COMPLETE="complete_bash", HOME=str(tmp_path), **asked).split() == ["smollm2_135m"]
