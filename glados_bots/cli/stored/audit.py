"""`glados audit`, and how the other commands write down what they did."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from glados_bots.cli import terminal
from glados_bots.cli.options import load_settings
from glados_bots.cli.stored.with_redis import with_client
from glados_bots.operations import audit
from glados_bots.settings import Settings


def log_act(settings: Settings, act: str, target: str = "") -> None:
    """Write down what the person at this command line did; when Redis is not reachable, the log line must do."""
    with_client(settings, lambda client: audit.attempt(client, audit.operator(), act, target))


def show(
    last: Annotated[int, typer.Option("--last", min=1, max=audit.MOST_ENTRIES, help="How many entries to show")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line")] = False,
) -> None:
    """Show what operators and admins did, newest first.

    Examples of entries: a key was created, a turn was dropped, a backup was restored.
    """
    found = with_client(load_settings(), lambda client: audit.entries(client, last))
    if as_json:
        for entry in found:
            terminal.echo(json.dumps({**asdict(entry), "at": entry.at.isoformat()}, ensure_ascii=False))
        return
    if not found:
        typer.echo("operators and admins have done nothing yet")
        return
    rows = [(f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.actor, entry.act, entry.target) for entry in found]
    terminal.show_table(["Time (UTC)", "Who", "Act", "Target"], rows)
