"""`glados backup`, `glados restore` and `glados migrate`."""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from glados_bots.cli import terminal
from glados_bots.cli.options import load_settings
from glados_bots.cli.stored.audit import log_act
from glados_bots.cli.stored.with_redis import with_client
from glados_bots.errors import ConfigError
from glados_bots.operations import backup
from glados_bots.processes.progress import each
from glados_bots.store.connection import Client
from glados_bots.store.version import migrate


def back_up(file: Annotated[Path, typer.Argument(help="New file, which only you can read")]) -> None:
    """Write all stored data to a file of JSON lines.

    The file has the conversations, the turns that wait, and the channels' settings. All roles may keep running.
    """
    found = load_settings()
    count = with_client(found, lambda client: _save(client, file))
    log_act(found, "backup", f"{file.name}, {count} keys")
    typer.echo(f"wrote {count} keys to {file}; it has people's words: keep it where only you can read it")


def bring_back(
    file: Annotated[Path, typer.Argument(help="A file that `glados backup` wrote")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="First delete all data of GLaDOS in Redis")] = False,
) -> None:
    """Write a backup into Redis.

    Stop all roles first, but not Redis. Turns that were not answered yet are answered when the roles start again.
    """
    try:
        text = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file}: cannot read this backup ({terminal.why(error)}); name a file that `glados backup` wrote"
        ) from error
    found = load_settings()
    try:
        count = with_client(found, lambda client: backup.restore(client, text, overwrite=overwrite))
    except ConfigError as error:
        raise ConfigError(f"{file} was not restored: {error}") from error
    log_act(found, "restore", f"{file.name}, {count} keys")
    typer.echo(f"restored {count} keys from {file}; start the roles again")


def migrate_data() -> None:
    """Convert the data in Redis to this version's format.

    First stop all roles and make a backup.
    """
    walk = partial(each, "migrate", unit=" formats")
    for old, new in with_client(load_settings(), lambda client: migrate(client, walk=walk)):
        typer.echo(f"converted the data from format {old} to format {new}")
    typer.echo("the data have the format of this version")


async def _save(client: Client, file: Path) -> int:
    """Write beside the file first: what has its name is always a whole backup."""
    part = file.with_name(f".{file.name}.part")
    count = -2  # the first and the last line are no keys
    try:
        part.unlink(missing_ok=True)  # of a backup that was cut off
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as out:  # noqa: ASYNC230, PTH123 - nothing else runs in this loop
            async for line in backup.lines(client):
                out.write(line + "\n")
                count += 1
            out.flush()
            os.fsync(out.fileno())
        part.rename(file)
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot write the backup here ({terminal.why(error)}); name a file in a folder that you own"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return count
