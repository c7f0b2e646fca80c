"""`glados turns list`, `retry` and `drop`: what could not be answered, and what to do with it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from glados_bots.cli import terminal
from glados_bots.cli.audit import log_act
from glados_bots.cli.options import load_settings
from glados_bots.cli.with_redis import with_stores
from glados_bots.errors import ConfigError
from glados_bots.settings import Settings
from glados_bots.store import dead_letters
from glados_bots.store.dead_letters import Letter
from glados_bots.store.store import Store

Platform = Annotated[str | None, typer.Option("--platform", help="Only this one: web, discord or slack")]
TITLES = ("Turn", "Platform", "State", "Asked", "Given up", "Tries", "Author", "Conversation", "Error")
Name = Annotated[str, typer.Argument(help="A turn, as `glados turns list` names it")]


group = typer.Typer(name="turns", help="Turns that were given up: list, retry or drop them.", no_args_is_help=True)


@group.command("list")
def list_turns(
    platform: Platform = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that wait or run")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
) -> None:
    """Show turns that ended with an apology: when, where, whose, and why. Not the words."""

    async def find(store: Store) -> list[Letter]:
        return await dead_letters.dead(store) + (await dead_letters.unanswered(store) if everything else [])

    letters = [letter for found in with_stores(load_settings(), platform, find) for letter in found]
    if as_json:
        for letter in letters:
            terminal.echo(dead_letters.as_json(letter))
    elif letters:
        terminal.show_table(TITLES, map(_row, letters))
    else:
        typer.echo("no turn was given up" if not everything else "no turn was given up, and none waits")


@group.command()
def retry(turn: Name, platform: Platform = None) -> None:
    """Answer a dead letter again, in its own thread and message."""
    _act(load_settings(), platform, turn, "retry", dead_letters.retry)
    typer.echo(f"{turn} is in the queue again")


@group.command()
def drop(turn: Name, platform: Platform = None) -> None:
    """Forget a dead letter; its apology stays where it stands. A turn that waits or runs ends, its message goes."""
    _act(load_settings(), platform, turn, "drop", dead_letters.drop)
    typer.echo(f"{turn} is dropped")


def _act(
    settings: Settings, platform: str | None, turn: str, word: str, action: Callable[[Store, str], Awaitable[bool]]
) -> None:
    """Do it, and write down in the audit log that it was done."""
    if not any(with_stores(settings, platform, lambda store: action(store, turn))):
        raise ConfigError(
            f"{turn}: there is no such turn to do this with; `glados turns list --all` shows all there are"
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
