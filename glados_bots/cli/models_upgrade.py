"""`glados models upgrade` and `try`: a newer revision of a model, served only after its trial."""

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
from glados_bots.inference.embeddings.choosing import embeds
from glados_bots.inference.engine import WITHOUT_CARD
from glados_bots.inference.model_files import choosing
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hub import pins
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

    An embedding model embeds the question instead.
    """
    from glados_bots.inference.model_files.hub import upgrading

    settings, (card, _) = load_settings(hf_token=token), choosing.resolve(name)
    if card.embedding is None:
        _require_weights(settings)
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
    """Try the newer revision in a process of its own. Raises ConfigError if it has no answer, or no vector."""
    command = [sys.executable, "-m", "glados_bots", "models", "try", name, "--revision", found.new]
    token = {"GLADOS_HF_TOKEN": settings.hub_token} if settings.hub_token else {}
    code = subprocess.run(command, env={**os.environ, **token}, check=False).returncode
    if code:
        stays = f"revision {found.old} stays" if found.old else "nothing has changed"
        missed = "vector" if embeds(found.card) else "answer"
        raise ConfigError(
            f"{name}: revision {found.new} gave no {missed} (exit code {code}; the lines above say why), so {stays}; "
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
    """Load a model, ask it one question, and show the beginning of its answer.

    An embedding model embeds the question, and the vector's first numbers are shown.
    """
    from glados_bots.inference import run

    settings, card = load_settings(hf_token=token, model=name), _embedding_card(name, revision)
    if card is None:
        _require_weights(settings)
        said = run.ask_once(run.build_engine(settings, revision), QUESTION)
    else:
        said = run.embed_once(run.embedder_of(settings, card), QUESTION)
    typer.echo(f"> {QUESTION}")
    terminal.echo(asyncio.run(said))


def _embedding_card(name: str, revision: str | None) -> Card | None:
    """The model at this revision; None if it does not embed."""
    if name == choosing.AUTO:
        return None
    card, _ = choosing.resolve(name)
    card = pins.at(card, revision) if revision and card.base.hub else card
    return card if embeds(card) else None


def _require_weights(settings: ServeSettings) -> None:
    if settings.engine in WITHOUT_CARD:
        raise ConfigError(f"GLADOS_ENGINE={settings.engine}: this engine loads no model; name another one")
