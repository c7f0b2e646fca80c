"""`glados store repair`."""

import asyncio
import subprocess
from typing import Annotated

import typer

from glados_bots.cli.options import load_settings
from glados_bots.errors import ConfigError, StoreUnavailableError
from glados_bots.processes.supervisor import lock
from glados_bots.settings import Settings
from glados_bots.store import embedded, repair
from glados_bots.store.connection import Client, connect, reply_of

POLL_S = 0.1


group = typer.Typer(
    name="store",
    help="Repair the embedded database.",
    epilog="Example: glados store repair",
    no_args_is_help=True,
)


@group.callback()
def alone() -> None:
    """With a callback, the one command keeps its name."""


@group.command("repair", epilog="Example: glados store repair")
def repair_files(yes: Annotated[bool, typer.Option("--yes", help="Repair without asking first")] = False) -> None:
    """Cut a damaged file of the database where the damage begins.

    First stop `glados up`. The command copies all files of the embedded database before it changes one.
    """
    found = load_settings()
    if found.redis_url is not None:
        raise ConfigError(
            "GLADOS_REDIS_URL is set, and this command repairs the embedded database only; use that server's own tools"
        )
    held = lock(found.data_dir)
    typer.echo("checking all files of the database; large ones take minutes", err=True)
    damage = repair.find(found.data_dir)
    if damage is None:
        typer.echo("no file is damaged")
        return
    typer.echo(str(damage))
    if damage.offset is not None and not yes:
        typer.confirm("Copy all files, and cut this one there?", abort=True)
    typer.echo(f"the copy is in {repair.cut(found.data_dir, damage)}")
    typer.echo(f"{asyncio.run(_count(found))} conversations are left; start GLaDOS as usual")
    del held


async def _count(settings: Settings) -> int:
    """Conversations that are not empty, counted by a server that runs meanwhile."""
    server = subprocess.Popen(embedded.command(settings.data_dir), stdout=subprocess.DEVNULL)  # noqa: ASYNC220
    client = connect(embedded.url(settings.data_dir))
    try:
        while server.poll() is None:
            try:
                return await _conversations(client)
            except StoreUnavailableError:
                await asyncio.sleep(POLL_S)
        raise ConfigError("the database does not start after the repair; run `glados store repair` once more")
    finally:
        await client.aclose()
        server.terminate()
        server.wait()


async def _conversations(client: Client) -> int:
    await reply_of(client.ping())
    found = {key.rpartition(":")[0] async for key in client.scan_iter("glados:*:c:*:*", count=1000)}
    return len(found)
