"""`glados --help` on one screen of 24 lines: the commands by group, a line for each."""

import inspect
from itertools import groupby
from typing import Any

from rich.table import Table
from typer.core import TyperGroup

from glados_bots.cli import terminal

# The groups, in their order; each command names its own as `rich_help_panel`.
RUN, MODELS, PEOPLE, OPERATE = GROUPS = ("run", "models", "people", "operate")
USAGE = "Usage: glados COMMAND [OPTIONS]   (glados COMMAND --help shows an example)"
OPTIONS = "Options: --version, --help, --install-completion, --show-completion"


class OneScreen(TyperGroup):
    """The group of all commands. Typer's own help has a box for each group, and 20 more lines."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        del ctx, formatter  # as in Typer's own, the help is printed at once
        table = Table.grid("", "", "", padding=(0, 2, 0, 0))
        commands = sorted(self.commands.values(), key=lambda command: GROUPS.index(_group(command)))
        for group, members in groupby(commands, key=_group):
            for index, command in enumerate(members):
                table.add_row("" if index else f"[bold]{group}", f"[cyan]{command.name}", summary(command))
        console = terminal.console()
        console.print(f"{USAGE}\n", highlight=False, markup=False)
        console.print(table, highlight=False)
        console.print(f"\n{OPTIONS}", highlight=False, markup=False)


def summary(command: Any) -> str:
    """The first paragraph of a command's help."""
    return " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split())


def _group(command: Any) -> str:
    return command.rich_help_panel or OPERATE
