"""`glados models`: list, plan, fetch, import, remove and write model cards. Without a subcommand, it lists them."""

import json
import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from glados_bots.cli import completions, models_list, models_plan, terminal
from glados_bots.cli.options import Token, load_settings
from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import cards, choosing, hardware, presence
from glados_bots.inference.model_files.auto import fitting
from glados_bots.inference.model_files.hub import pins
from glados_bots.inference.settings import ServeSettings
from glados_bots.settings import load

Name = Annotated[str, typer.Argument(help="Card name, folder, GGUF file or hub id", autocompletion=completions.models)]

group = typer.Typer(
    name="models", help="List, plan, fetch, import, remove or add models.", epilog="Example: glados models"
)


@group.callback(invoke_without_command=True)
def start(context: typer.Context) -> None:
    """List the cards where no subcommand is given."""
    load_settings()
    if context.invoked_subcommand is None:
        list_()


@group.command("list", epilog="Example: glados models list")
def list_() -> None:
    """List all models: what is here, what fits this machine.

    The first lines say which model this machine gets.

    Each model is described by a card, the file model.toml of its folder. `glados models show` names its base.
    """
    models_list.show(load(ServeSettings))


@group.command(epilog="Example: glados models show smollm2_135m")
def show(name: Name) -> None:
    """Show a model's card, licence, and files with their sha256."""
    from glados_bots.inference.model_files import download

    card, _ = choosing.resolve(name)
    for key, value in card.model_dump(mode="json", exclude_defaults=True).items():
        terminal.echo(f"{key}: {json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value}")
    if card.deprecated:
        terminal.echo(f"deprecated{f': use {card.use_instead} instead' if card.use_instead else ''}")
    if card.base.hub:
        terminal.echo(f"served revision: {pins.known(card) or 'none yet; the first fetch pins the newest'}")
    terminal.echo(f"files: {presence.presence(card).reason}")
    if card.embedding:
        models_plan.show_embedding(card)
    else:
        terminal.echo(f"fits: {fitting.verdict(card, hardware.this_machine(load(ServeSettings).engine)).reason}")
    for folder in filter(None, (presence.local_folder(card), card.lora_folder, *card.lora_folders.values())):
        for file in download.verify(card.model_copy(update={"base": cards.Base(folder=folder)}), folder):
            terminal.echo(f"{file.sha256}  {file.size / 1e6:10.1f} MB  {folder / file.name}")


@group.command(epilog="Example: glados models plan auto --gpu 24")
def plan(
    name: Name,
    gpu: Annotated[str, typer.Option("--gpu", help="GB of another machine's GPU: 24, or 80x2 for two of 80")] = "",
    token: Token = None,
) -> None:
    """Show the memory that a model needs, before it is fetched.

    The table has a row per precision. Only the model's config is downloaded. With the name auto nothing is downloaded.
    """
    models_plan.show(name, gpu, load_settings(hf_token=token))


@group.command(epilog="Example: glados models pull glados_redpajama7b_base --convert")
def pull(
    name: Name,
    token: Token = None,
    convert: Annotated[
        bool, typer.Option("--convert", help="Convert pickled weights to safetensors, without running code")
    ] = False,
    pin: Annotated[bool, typer.Option("--pin", help="Write the fetched revision into the card")] = False,
) -> None:
    """Fetch a model's weights, and check each file's sha256.

    A download that was cut off continues where it ended.
    """
    from glados_bots.inference.model_files import changes, download
    from glados_bots.inference.model_files.before_loading import admission

    settings = load_settings(hf_token=token)
    card, _ = choosing.resolve(name)
    if settings.engine == "transformers":
        admission.refuse_by_hub(card, settings.hub_token)
    begun = time.time()
    folder, converted = changes.fetch(card, settings.data_dir, settings.hub_token, convert=convert)
    if converted:
        terminal.echo(
            f"converted the weights to safetensors in {converted}; `glados models remove {name}` deletes both copies"
        )
    for file in download.verify(card, folder, begun):
        mark = "as the hub says" if file.expected else "the hub was not asked, or has no sha256"
        terminal.echo(f"{file.sha256}  {file.size / 1e6:10.1f} MB  {file.name} ({mark})")
    revision = download.revision_of(folder)
    terminal.echo(f"revision {revision} in {folder}")
    if revision and pin:
        terminal.echo(f"pinned in {changes.pin(card, revision)}")
    elif revision and card.base.revision != revision:
        terminal.echo(
            f"this machine serves this revision until `glados models upgrade {name}` finds a newer one that answers; "
            f"`glados models pull {name} --pin` writes it into the card"
        )


@group.command("import", epilog="Example: glados models import GLaDOS_Server/models")
def import_(
    path: Annotated[Path, typer.Argument(help="Folder of a LoRA, or a folder of such folders")],
    to: Annotated[str, typer.Option("--to", help="Card that gets the LoRA; else the card with the folder's name")] = "",
) -> None:
    """Import LoRAs, those of the first GLaDOS too.

    LoRAs of the first GLaDOS are pickles of peft 0.1. They are read without running code, and converted exactly.
    """
    from glados_bots.inference.model_files import changes

    for card, done in changes.import_loras(path, to):
        if card.base.hub and "/" in done.base and done.base.lower() != card.base.hub.lower():
            terminal.echo(f"warning: this LoRA is for the base {done.base}, but the card has the base {card.base.hub}")
        how = "converted from peft 0.1's MergedLinear" if done.merged else "copied"
        terminal.echo(f"{card.name}: {how}, rank {done.rank}, {done.layers} layers, in {done.folder}")
        if card.lora is None:
            terminal.echo(f'to use it, write lora = "lora" into {done.folder.parent / "model.toml"}')


@group.command(epilog="Example: glados models remove smollm2_135m")
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking first")] = False,
    card: Annotated[bool, typer.Option("--card", help="Also delete the card and its LoRA")] = False,
    old: Annotated[bool, typer.Option("--old", help="Delete all revisions but the served one, and keep that")] = False,
) -> None:
    """Delete a model's weights from this machine."""
    from glados_bots.inference.model_files import changes

    found, data_dir = choosing.resolve(name)[0], load_settings().data_dir
    paths = changes.old_revisions(found, data_dir) if old else changes.folders_of(found, data_dir, whole=card)
    for path in paths:
        terminal.echo(f"{path}: {_bytes_of(path) / 1e6:.1f} MB")
    if not yes:
        typer.confirm("Delete them?" if old else "Delete these folders?", abort=True)
    for path in paths:
        _delete(path)
        terminal.echo(f"deleted {path}")


def _bytes_of(place: Path) -> int:
    files = [place] if place.is_file() else place.rglob("*")
    return sum(path.lstat().st_size for path in files if not path.is_dir())  # a link is not its blob


def _delete(place: Path) -> None:
    try:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink()
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be deleted ({error.strerror}); check who owns it") from error


@group.command(epilog="Example: glados models new mine --base ORG/NAME")
def new(
    name: Annotated[str, typer.Argument(help="Name of the new card")],
    base: Annotated[str, typer.Option("--base", help="Hub id, folder or GGUF file of the base")],
    lora: Annotated[Path | None, typer.Option("--lora", help="Folder of a LoRA")] = None,
    prompt_format: Annotated[str, typer.Option("--format", help="chat_template or glados")] = "chat_template",
) -> None:
    """Write a card for a model of your own."""
    from glados_bots.inference.model_files import changes

    written = changes.write_card(name, base, lora, prompt_format)
    terminal.echo(f"wrote {written}; `glados models plan {name}` shows the memory that it needs")
