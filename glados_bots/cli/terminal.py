"""What the command line shows: no control character of others' words reaches the terminal, and no markup is read.

Colours are there on a terminal only, and not where NO_COLOR is set; FORCE_COLOR asks for them anywhere.
"""

import os
import re
import sys
from collections.abc import Iterable, Sequence

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from glados_bots.errors import first_line

# C0 but tab and line feed, DEL, C1, line separators, and what turns the direction of text around.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """The text with its control characters as escapes that JSON knows, too."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def echo(text: str, *, err: bool = False) -> None:
    """A line of others' words to standard output, or to standard error."""
    typer.echo(plain(text), err=err)


def why(error: Exception) -> str:
    """What the system or a library says, without the number of an error and without the path, which is named before."""
    return getattr(error, "strerror", None) or first_line(error)


def console() -> Console:
    """Standard output. Where colours are off, bold and dim are off too."""
    return Console(color_system=None if is_plain() else "auto")


def is_plain() -> bool:
    """Whether the person wants no colours (https://no-color.org), or there is no terminal that has any."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return True
    return not (sys.stdout.isatty() or os.environ.get("FORCE_COLOR"))


def calm_typer() -> None:
    """Make the help of a command, which Typer draws, plain too: at NO_COLOR it leaves bold and dim."""
    if is_plain() and "--help" in sys.argv[2:]:
        from typer import rich_utils

        rich_utils.COLOR_SYSTEM = None


def show_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table. The first column, whose names and ids people copy, stays whole; no cell is cut off."""
    table = Table()
    for index, title in enumerate(titles):
        table.add_column(title, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console().print(table)
