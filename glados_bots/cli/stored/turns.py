"""`glados turns list`, `retry` and `drop`: what could not be answered, and what to do with it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from glados_bots.cli import completions, terminal
from glados_bots.cli.options import load_settings
from glados_bots.cli.stored.audit import log_act
from glados_bots.cli.stored.with_redis import with_stores
from glados_bots.errors import ConfigError
from glados_bots.settings import Settings
from glados_bots.store import dead_letters
from glados_bots.store.dead_letters import Letter
from glados_bots.store.store import Store

Platform = Annotated[
    str | None,
    typer.Option("--platform", help="Only this one: web, discord or slack", autocompletion=completions.platforms),
]
DONE = {"retry": "retried", "drop": "dropped"}
TITLES = ("Turn", "Platform", "State", "Asked", "Given up", "Tries", "Author", "Conversation", "Error")
Name = Annotated[str, typer.Argument(help="Id of a turn, see `glados turns list`")]


group = typer.Typer(
    name="turns",
    help="List, retry or drop turns that were given up.",
    epilog="Example: glados turns list --all",
    no_args_is_help=True,
)


@group.command("list", epilog="Example: glados turns list --all")
def list_turns(
    platform: Platform = None,
    everything: Annotated[bool, typer.Option("--all", help="Also list turns that wait or run")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line")] = False,
) -> None:
    """List turns that were given up: when, where, whose, why.

    The person saw an apology. The words of the question are not shown.
    """

    async def find(store: Store) -> list[Letter]:
        return await dead_letters.dead(store) + (await dead_letters.unanswered(store) if everything else [])

    letters = [letter for found in with_stores(load_settings(), platform, find) for letter in found]
    if as_json:
        for letter in letters:
            terminal.echo(dead_letters.as_json(letter))
    elif letters:
        terminal.show_table(TITLES, map(_row, letters))
    else:
        typer.echo("no turn was given up" if not everything else "no turn was given up, and no turn waits")


@group.command(epilog="Example: glados turns retry 1234")
def retry(turn: Name, platform: Platform = None) -> None:
    """Answer a given-up turn again, in its own thread and message."""
    _act(load_settings(), platform, turn, "retry", dead_letters.retry)
    typer.echo(f"{turn} waits for an answer again")


@group.command(epilog="Example: glados turns drop 1234")
def drop(turn: Name, platform: Platform = None) -> None:
    """Delete a turn.

    The apology for a given-up turn stays on the platform. A turn that waits or runs ends, and its message is removed.
    """
    _act(load_settings(), platform, turn, "drop", dead_letters.drop)
    typer.echo(f"dropped {turn}")


def _act(
    settings: Settings, platform: str | None, turn: str, word: str, action: Callable[[Store, str], Awaitable[bool]]
) -> None:
    """Do it, and write down in the audit log that it was done."""
    if not any(with_stores(settings, platform, lambda store: action(store, turn))):
        raise ConfigError(
            f"{turn}: no turn with this id can be {DONE[word]}; `glados turns list --all` lists all turns"
        )
    log_act(settings, f"turns {word}", turn)


def _row(letter: Letter) -> tuple[str, ...]:
    author = f"{letter.turn.author_name} ({letter.turn.author})" if letter.turn.author_name else letter.turn.author
    return (
        letter.turn.id, letter.platform, letter.state, _time(letter.at), _time(letter.given_up_at),
        str(letter.attempts), author, letter.turn.conversation, letter.error,
    )  # fmt: skip


def _time(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
