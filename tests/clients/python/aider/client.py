"""Aider answers a question about a file of a repository, and changes nothing that it was not told to."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from doing import KEY, MODEL, URL, do

HELLO = 'print("hello")\n'
OPTIONS = (
    "--model", f"openai/{MODEL}", "--no-show-model-warnings", "--no-analytics", "--no-check-update", "--no-gitignore",
    "--no-auto-commits", "--yes-always", "--no-pretty", "--no-show-release-notes", "--map-tokens", "0",
)  # fmt: skip


def repository():
    """A folder under git, with one file."""
    folder = Path(tempfile.mkdtemp())
    (folder / "hello.py").write_text(HELLO)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def aider(folder, *arguments):
    environment = {**os.environ, "OPENAI_API_BASE": URL, "OPENAI_API_KEY": KEY, "HOME": str(folder)}
    command = [str(Path(sys.executable).with_name("aider")), *OPTIONS, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stdout[-800:] + done.stderr[-800:]
    return done


def ask():
    folder = repository()
    done = aider(folder, "--edit-format", "ask", "--message", "What does hello.py print?", "hello.py")
    assert "Tokens:" in done.stdout, done.stdout[-800:]
    assert (folder / "hello.py").read_text() == HELLO


if __name__ == "__main__":
    do(ask)
