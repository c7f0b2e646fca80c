"""Runs every benchmark that takes only minutes, one after another, and prints one table of results: `make bench`.

A script adds to the table by printing lines of the form `summary: WHAT | FIGURES`.
"""

import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

SCRIPTS = {
    "first_text.py": ["--count", "50"],
    "page.py": [],
    "store.py": [],
    "markdown.py": [],
    "overhead.py": [],
    "fairness.py": [],
    "embeddings.py": [],
    "quality.py": [],
    "engine.py": ["--peers"],
}


def found_by(script: str, arguments: list[str], show: Console) -> list[list[str]]:
    """Run one script. Returns the cells of its lines in the table; if it fails, one line that says so."""
    show.rule(script)
    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stdout or ():
            show.print(line.rstrip(), markup=False, highlight=False, soft_wrap=True)
            lines.append(line.strip())
    summaries = [line.removeprefix("summary: ").split(" | ") for line in lines if line.startswith("summary: ")]
    return summaries if process.returncode == 0 else [[script, f"failed with status {process.returncode}"]]


def main() -> None:
    """Run all and print the table. Exit code 1 if one failed."""
    show = Console(width=150)
    table = Table("", "", title="Summary")
    rows = [row for script, arguments in SCRIPTS.items() for row in found_by(script, arguments, show)]
    for row in rows:
        table.add_row(*row)
    show.print(table)
    sys.exit(any("failed with status" in row[1] for row in rows))


if __name__ == "__main__":
    main()
