"""How `glados doctor` shows what it finds: a table on a terminal, a line for each check anywhere else."""

import sys
from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from glados_bots.cli import terminal
from glados_bots.platforms import Check

WIDEST = 100  # columns of the table
LONGEST_WORD = 40  # characters: what is longer, such as an invitation, is shown below the table, to be copied whole
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def show(checks: Iterable[Check]) -> int:
    """Print all findings; returns how many checks have failed."""
    found = list(checks)
    if sys.stdout.isatty():
        _show_table(found)
    else:
        for check in found:
            terminal.echo(_line(check))
    return sum(check.state == "fail" for check in found)


def _line(check: Check) -> str:
    remedy = f"; remedy: {check.remedy}" if check.remedy else ""
    return f"{check.state:4} {check.name}: {check.finding}{remedy}"


def _show_table(found: list[Check]) -> None:
    console = terminal.console()
    table = Table("State", "Check", "Finding", "Remedy", width=min(WIDEST, console.width))
    below = []
    for check in found:
        is_long = any(len(word) > LONGEST_WORD for word in check.finding.split())
        if is_long:
            below.append(f"{check.name}: {check.finding}")
        state = Text(f"{check.mark} {check.state}", style=COLOURS[check.state])
        cells = (check.name, "see below" if is_long else check.finding, check.remedy)
        table.add_row(state, *(Text(terminal.plain(cell)) for cell in cells))
    console.print(table)
    for line in below:
        terminal.echo(line)
