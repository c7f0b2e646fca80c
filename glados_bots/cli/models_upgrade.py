"""`glados models upgrade` and `try`: a newer revision of a model, served only after it has answered."""

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from glados_bots.cli import terminal
from glados_bots.cli.models import Name, group
from glados_bots.cli.options import Token, load_settings
from glados_bots.errors import ConfigError
from glados_bots.inference.engine import WITHOUT_CARD
from glados_bots.inference.model_files import choosing
from glados_bots.inference.model_files.hub.contents import told
from glados_bots.inference.settings import ServeSettings

if TYPE_CHECKING:
    from glados_bots.inference.model_files.hub.upgrading import Upgrade

QUESTION = "Hello! What can you do for me?"
SHOWN = 10  # commits, at most


@group.command(epilog="Example: glados models upgrade ORG/NAME")
def upgrade(name: Name, token: Token = None) -> None:
    """Fetch the newest revision of a model, and serve it once it has answered a question.

    The revision that is served now stays on this machine. If the newest one does not answer, nothing changes.
    """
    from glados_bots.inference.model_files.hub import upgrading

    settings = _with_weights(load_settings(hf_token=token))
    card, _ = choosing.resolve(name)
    found = upgrading.find(card, settings.hub_token)
    if found is None:
        terminal.echo(f"{card.name}: the hub has nothing newer than the revision that this machine serves")
        return
    _tell(card.name, found)
    _fetch(found, settings)
    _require_answer(name, found, settings)
    upgrading.take(card, found.new)
    terminal.echo(f"{card.name}: this machine serves revision {found.new} from the next start of the service on")
    if found.old:
        terminal.echo(f"revision {found.old} is still here; `glados models remove {name} --old` deletes its files")


def _tell(name: str, found: "Upgrade") -> None:
    terminal.echo(f"{name}: revision {found.old or 'none'} -> {found.new}, commits: {len(found.commits)}")
    for commit in found.commits[:SHOWN]:
        terminal.echo(f"  {commit.id[:12]}  {commit.at:%Y-%m-%d}  {commit.title}")
    terminal.echo(f"changed: {', '.join(found.changed) or 'no file that GLaDOS reads'}; to fetch: {told(found.size)}")


def _fetch(found: "Upgrade", settings: ServeSettings) -> None:
    """Fetch the newer revision beside the older one; convert it if it has only pickles, which the older one had too."""
    from glados_bots.inference.model_files import changes

    changes.fetch(found.card, settings.data_dir, settings.hub_token, convert=True)


def _require_answer(name: str, found: "Upgrade", settings: ServeSettings) -> None:
    """Ask the newer revision a question, in a process of its own. Raises ConfigError if it has no answer."""
    command = [sys.executable, "-m", "glados_bots", "models", "try", name, "--revision", found.new]
    token = {"GLADOS_HF_TOKEN": settings.hub_token} if settings.hub_token else {}
    code = subprocess.run(command, env={**os.environ, **token}, check=False).returncode
    if code:
        stays = f"revision {found.old} stays" if found.old else "nothing has changed"
        raise ConfigError(
            f"{name}: revision {found.new} gave no answer (exit code {code}; the lines above say why), so {stays}; "
            f"`glados models remove {name} --old` deletes the newer files"
        )


@group.command("try", epilog="Example: glados models try smollm2_135m")
def try_(
    name: Name,
    token: Token = None,
    revision: Annotated[
        str | None, typer.Option("--revision", help="A commit of the hub that is here, instead of the served one")
    ] = None,
) -> None:
    """Load a model, ask it one question, and show the beginning of its answer."""
    from glados_bots.inference import run

    settings = _with_weights(load_settings(hf_token=token, model=name))
    engine = run.build_engine(settings, revision)
    typer.echo(f"> {QUESTION}")
    terminal.echo(asyncio.run(run.ask_once(engine, QUESTION)))


def _with_weights(settings: ServeSettings) -> ServeSettings:
    if settings.engine in WITHOUT_CARD:
        raise ConfigError(f"GLADOS_ENGINE={settings.engine}: this engine loads no model; name another one")
    return settings
