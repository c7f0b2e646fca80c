"""Aider answers a question about a file of a repository, and changes nothing that it was not told to."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from doing import KEY, MODEL, URL, do


def ask():
    folder = Path(tempfile.mkdtemp())
    (folder / "hello.py").write_text('print("hello")\n')
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    environment = {**os.environ, "OPENAI_API_BASE": URL, "OPENAI_API_KEY": KEY, "HOME": str(folder)}
    options = [
        "--model", f"openai/{MODEL}", "--no-show-model-warnings", "--no-analytics", "--no-check-update",
        "--no-gitignore", "--no-auto-commits", "--yes-always", "--no-pretty", "--no-show-release-notes",
        "--map-tokens", "0",
        "--edit-format", "ask", "--message", "What does hello.py print?", "hello.py",
    ]  # fmt: skip
    done = subprocess.run(
        [str(Path(sys.executable).with_name("aider")), *options],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-800:] + done.stderr[-800:]
    assert "Tokens:" in done.stdout, done.stdout[-800:]
    assert (folder / "hello.py").read_text() == 'print("hello")\n'


do(ask)
