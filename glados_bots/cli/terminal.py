"""What the command line shows of others' words: no control character reaches the terminal, and no markup is read."""

import re
from collections.abc import Iterable, Sequence

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

# C0 but tab and line feed, DEL, C1, line separators, and what turns the direction of text around.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """The text with its control characters as escapes that JSON knows, too."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def echo(text: str, *, err: bool = False) -> None:
    """A line of others' words to standard output, or to standard error."""
    typer.echo(plain(text), err=err)


def show_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*titles)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console().print(table)
