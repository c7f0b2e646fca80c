"""`glados keys`: keys of the inference service for programs and people. Call it where the service's data folder is."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from glados_bots.cli import terminal
from glados_bots.cli.options import load_settings
from glados_bots.cli.stored.audit import log_act
from glados_bots.errors import ConfigError
from glados_bots.inference.api.keys import SCOPES, ApiKey, KeyBook

TITLES = ("Id", "Name", "State", "Scopes", "Requests/min", "Tokens today", "Expires", "Last used")
UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
LONGEST_LIFE_S = 10 * 366 * 86_400

Scopes = Annotated[
    list[str] | None, typer.Option("--scope", help=f"What the key may do: {', '.join(SCOPES)}; may be repeated")
]
PerMinute = Annotated[int, typer.Option("--requests-per-minute", min=0, max=10**6, help="Limit; 0 sets none")]
PerDay = Annotated[
    int, typer.Option("--tokens-per-day", min=0, max=10**12, help="Limit for prompts and answers; 0 sets none")
]
Expires = Annotated[str, typer.Option("--expires", help="Lifetime, such as 12h, 90d or 52w; empty: no end")]


group = typer.Typer(
    name="keys",
    help="Create, list or revoke API keys of the service.",
    epilog="Example: glados keys list",
    no_args_is_help=True,
)


@group.command(epilog="Example: glados keys create laptop --scope chat --expires 90d")
def create(
    name: Annotated[str, typer.Argument(help="A name for who or what will use the key")],
    scope: Scopes = None,
    requests_per_minute: PerMinute = 60,
    tokens_per_day: PerDay = 0,
    expires: Expires = "",
) -> None:
    """Create an API key and show it once.

    The service accepts the key from now on. Without --scope, the key may chat and list models.
    """
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
    typer.echo("The key is not shown again. Send it as: Authorization: Bearer KEY", err=True)
    if is_first and found.api_key is None:
        typer.echo(
            "From now on the service asks everybody for a key. Set GLADOS_API_KEY for the service and the adapters, "
            "and start them again.", err=True,
        )  # fmt: skip


@group.command("list", epilog="Example: glados keys list")
def show() -> None:
    """List all keys: scopes, limits, last use, state."""
    book = KeyBook(load_settings().data_dir)
    rows = [_row(key, book.spent_today(key.id)) for key in book.all()]
    if rows:
        terminal.show_table(TITLES, rows)
    else:
        typer.echo("there are no keys yet; `glados keys create NAME` makes one")


@group.command(epilog="Example: glados keys revoke 3f9a1c20")
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key, see `glados keys list`")]) -> None:
    """Revoke a key.

    The service refuses the next request with this key.
    """
    found = load_settings()
    if not KeyBook(found.data_dir).revoke(key_id):
        raise ConfigError(f"{key_id}: no valid key has this id; see `glados keys list`")
    log_act(found, "keys revoke", key_id)
    typer.echo(f"revoked {key_id}")


def lifetime(text: str) -> float:
    """Seconds of a text such as 90d. Raises ConfigError."""
    found = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_LIFE_S:
        raise ConfigError(f"--expires {text}: not a lifetime of at most ten years; write one such as 12h, 90d or 52w")
    return seconds


def _row(key: ApiKey, spent: int) -> tuple[str, ...]:
    tokens = f"{spent} of {key.tokens_per_day}" if key.tokens_per_day else str(spent)
    per_minute = str(key.requests_per_minute or "no limit")
    state, scopes = key.state(time.time()), " ".join(sorted(key.scopes))
    return key.id, key.name, state, scopes, per_minute, tokens, _date(key.expires), _date(key.last_used)


def _date(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else "never"
