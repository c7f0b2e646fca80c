"""`glados models`: list, plan, fetch, import, remove and write model cards. Without a subcommand, it lists them."""

import json
import shutil
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from glados_bots.cli import completions, terminal
from glados_bots.cli.options import Token, load_settings
from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import cards, choosing, hardware, presence, shapes, support
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

    Each model is described by a card, the file model.toml of its folder. `glados models show` names its base.
    """
    found, engine = list(cards.load_cards().values()), load(ServeSettings).engine
    here = {card.name: presence.presence(card).reason for card in found}
    rows = [
        (
            f"{card.name} (deprecated)" if card.deprecated else card.name,
            card.parameters, card.licence, here[card.name].partition(",")[0], _fits(card, engine), card.good_at,
        )
        for card in found
    ]  # fmt: skip
    terminal.show_table(["Model", "Parameters", "Licence", "Here?", "Fits?", "Good at"], rows)
    for name, reason in here.items():
        if "," in reason:
            terminal.echo(f"{name}: {reason}")


def _fits(card: cards.Card, engine: str) -> str:
    known = support.support_of(card) if engine == "transformers" else None
    return f"no: {known.reason}" if known and known.way is None else presence.fits(card).reason


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
    terminal.echo(f"files: {presence.presence(card).reason}\nfits: {presence.fits(card).reason}")
    for folder in filter(None, (presence.local_folder(card), card.lora_folder, *card.lora_folders.values())):
        for file in download.verify(card.model_copy(update={"base": cards.Base(folder=folder)}), folder):
            terminal.echo(f"{file.sha256}  {file.size / 1e6:10.1f} MB  {folder / file.name}")


@group.command(epilog="Example: glados models plan smollm2_135m")
def plan(name: Name, token: Token = None) -> None:
    """Show the memory that a model needs, before it is fetched.

    The table has a row per precision. Only the model's config is downloaded.
    """
    from glados_bots.inference.model_files.before_loading import plan as planning

    settings = load_settings(hf_token=token)
    card, _ = choosing.resolve(name)
    _show_plan(planning.plan(card, settings.hub_token, settings.context_length), settings)


def _show_plan(planned: Any, settings: ServeSettings) -> None:
    name, found, shape = planned.card.name, planned.support, planned.shape
    if found and settings.engine == "transformers" and found.way is None:
        terminal.echo(support.cannot_be_served(planned.card, found.reason, found.remedy))
    if shape is None:
        return
    terminal.echo(f"{name}: {shape.parameters / 1e9:.2f} billion weights, by {planned.source}")
    if shape.active_parameters:
        terminal.echo(f"each token needs {shape.active_parameters / 1e9:.2f} billion of them (a mixture of experts)")
    conversation = _size(shape.cache_bytes(planned.window))
    terminal.echo(f"window: {planned.window} tokens are served, if the memory allows it; they take {conversation}")
    if planned.own:
        size = planned.note or "the size of its files is the size in memory"
        terminal.echo(f"the checkpoint is {planned.own}-quantised already; {size}")
    needs = list(planned.needs())
    if needs:
        _show_needs(planned, needs)
    else:
        terminal.echo("nobody can say how large its files are; fetch its index, model.safetensors.index.json")


def _show_needs(planned: Any, needs: list[Any]) -> None:
    """A table with a row per precision, and a column per GPU; without a GPU, a line about main memory."""
    places = _places(hardware.gpu_memories_gb())
    titles = ["Precision", "Weights", "Cache of one conversation", "Overhead", "At least", *places]
    rows = []
    for need in needs:
        figures = [need.weights, need.conversation, need.overhead, need.least]
        rows.append(
            (need.precision, *map(_size, figures), *(_fit(planned, need, memory) for memory in places.values()))
        )
    terminal.show_table(titles, rows)
    if not places:
        free = hardware.memory_gb()
        held = shapes.tokens_in(planned.shape, planned.window, shapes.cache_on_cpu(free * 1e9))
        fits = min(need.least for need in needs) <= free * 1e9
        word = f"fits (with a window of {held} tokens)" if fits else "does not fit"
        typer.echo(
            f"no GPU here; the smallest precision {word} this machine's {free:.0f} GB of memory; answers will be slow"
        )


def _places(memories: list[float]) -> dict[str, float]:
    """Bytes of each GPU, and of all together, by the title of its column."""
    places = {f"GPU {index}, {memory:.0f} GB": memory * 1e9 for index, memory in enumerate(memories)}
    return places | ({"all, --multi-gpu": sum(memories) * 1e9} if len(memories) > 1 else {})


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"  # noqa: PLR2004 - a GB


def _fit(planned: Any, need: Any, memory: float) -> str:
    """Whether the model fits a GPU of this memory: whole conversations, or one with a smaller window."""
    count = need.conversations(memory)
    if count:
        return f"yes, {count} whole conversations at once"
    window = shapes.tokens_in(planned.shape, planned.window, need.cache(memory))
    enough = window >= min(shapes.SHORTEST_WINDOW, planned.window)
    return f"yes, with a window of {window} tokens" if enough else "no"


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
