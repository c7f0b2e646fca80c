"""`glados keys`: keys of the inference service for programs and people. Call it where the service's data folder is."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from glados_bots.cli import terminal
from glados_bots.cli.audit import log_act
from glados_bots.cli.options import load_settings
from glados_bots.errors import ConfigError
from glados_bots.inference.api.keys import SCOPES, ApiKey, KeyBook

TITLES = ("Id", "Name", "State", "Scopes", "Requests/min", "Tokens today", "Expires", "Last used")
UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
LONGEST_LIFE_S = 10 * 366 * 86_400

Scopes = Annotated[list[str] | None, typer.Option("--scope", help=f"What it may do: {', '.join(SCOPES)}; may repeat")]
PerMinute = Annotated[int, typer.Option("--requests-per-minute", min=0, max=10**6, help="0 sets no limit")]
PerDay = Annotated[int, typer.Option("--tokens-per-day", min=0, max=10**12, help="Of prompts and answers; 0: no limit")]
Expires = Annotated[str, typer.Option("--expires", help="Lifetime: a number and h, d or w, such as 90d; empty: none")]


group = typer.Typer(name="keys", help="Make, list and take back keys of the inference service.", no_args_is_help=True)


@group.command()
def create(
    name: Annotated[str, typer.Argument(help="What you call it: who or what will use it")],
    scope: Scopes = None,
    requests_per_minute: PerMinute = 60,
    tokens_per_day: PerDay = 0,
    expires: Expires = "",
) -> None:
    """Make a key and show it this once. The service takes it from now on. Without --scope: chat and models."""
    found = load_settings()
    end = time.time() + lifetime(expires) if expires else None
    book = KeyBook(found.data_dir)
    is_first = not book.in_use
    key, text = book.create(
        name,
        scope or ["chat", "models"],
        requests_per_minute=requests_per_minute,
        tokens_per_day=tokens_per_day,
        expires=end,
    )
    log_act(found, "keys create", f"{key.id} {key.name} ({', '.join(sorted(key.scopes))})")
    typer.echo(text)
    typer.echo("This is the only time the key is shown. Send it as: Authorization: Bearer KEY", err=True)
    if is_first and found.api_key is None:
        typer.echo(
            "From now on the service asks everybody for a key: set GLADOS_API_KEY for it and for the adapters, "
            "and start them again.", err=True,
        )  # fmt: skip


@group.command("list")
def show() -> None:
    """List all keys ever made: what they may do, when they were used, whether they still count."""
    book = KeyBook(load_settings().data_dir)
    terminal.show_table(TITLES, [_row(key, book.spent_today(key.id)) for key in book.all()])


@group.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Its id, as `glados keys list` shows it")]) -> None:
    """Take a key back: the next request with it is refused."""
    found = load_settings()
    if not KeyBook(found.data_dir).revoke(key_id):
        raise ConfigError(f"{key_id}: no key of this id counts here; see `glados keys list`")
    log_act(found, "keys revoke", key_id)
    typer.echo(f"{key_id} is taken back")


def lifetime(text: str) -> float:
    """Seconds of a text such as 90d. Raises ConfigError."""
    found = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_LIFE_S:
        raise ConfigError(f"--expires {text}: write a number and h, d or w, such as 12h, 90d or 52w; ten years at most")
    return seconds


def _row(key: ApiKey, spent: int) -> tuple[str, ...]:
    tokens = f"{spent} of {key.tokens_per_day}" if key.tokens_per_day else str(spent)
    per_minute = str(key.requests_per_minute or "no limit")
    state, scopes = key.state(time.time()), " ".join(sorted(key.scopes))
    return key.id, key.name, state, scopes, per_minute, tokens, _date(key.expires), _date(key.last_used)


def _date(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else "never"
