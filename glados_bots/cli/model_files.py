"""What `glados models` changes on this machine: weights fetched and removed, LoRAs imported, cards written."""

import json
import shutil
from pathlib import Path
from typing import Any

import typer

from glados_bots.errors import ConfigError
from glados_bots.inference.settings import ServeSettings


def fetch(name: str, settings: ServeSettings, *, convert: bool, pin: bool) -> None:
    """Download, convert where asked, hash, pin."""
    from glados_bots.inference.model_files import choosing, convert_pickles, download, weights  # noqa: PLC0415

    card, _ = choosing.resolve(name)
    if not card.base.hub:
        raise ConfigError(f"{card.name}: its base is not on the hub but {card.base_name}; there is nothing to fetch")
    token = token_of(settings)
    if convert and download.has_only_pickles(card, token):
        folder = download.snapshot(card, token, pickled=True)
        target = weights.converted_folder(card, settings.data_dir)
        if not target.is_dir():
            convert_pickles.convert(folder, target)
        typer.echo(f"converted to safetensors in {target}; `glados models remove {name}` deletes both")
    else:
        folder = weights.fetch(card, settings.data_dir, token)
    for file in download.verify(card, folder, token):
        mark = "as the hub says" if file.expected else "not known to the hub here"
        typer.echo(f"{file.sha256}  {file.size / 1e6:10.1f} MB  {file.name} ({mark})")
    revision = download.revision_of(folder)
    typer.echo(f"revision {revision} in {folder}")
    if revision and pin:
        pin_revision(card, revision)
    elif revision and card.base.revision != revision:
        typer.echo(
            f'to keep exactly this, `glados models pull {name} --pin` writes revision = "{revision}" into the card'
        )


def pin_revision(card: Any, revision: str) -> None:
    """Write the revision into the card's [base], everything else as it is."""
    from glados_bots.inference.model_files import cards  # noqa: PLC0415

    if card.home is None:
        raise ConfigError(f"{card.name} has no card to pin it in; write one with `glados models new`")
    path = card.home / "model.toml"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("revision")]
    place = lines.index("[base]") + 1
    lines.insert(place, f'revision = "{revision}"')
    _write(path, "\n".join(lines) + "\n")
    cards.load_card(card.home)
    typer.echo(f"pinned in {path}")


def import_loras(path: Path, to: str) -> None:
    """One adapter, or each of a folder of them (`models` of the first GLaDOS' checkout)."""
    from glados_bots.inference.model_files import cards, lora_import  # noqa: PLC0415

    known = cards.load_cards()
    sources = (
        [path]
        if (path / lora_import.CONFIG).is_file()
        else sorted(p.parent for p in path.glob("*/adapter_config.json"))
    )
    if not sources:
        raise ConfigError(f"{path}: no adapter here, nor in the folders in it ({lora_import.CONFIG} is missing)")
    if to and len(sources) > 1:
        raise ConfigError(f"{path} holds {len(sources)} adapters; --to is for one of them")
    for source in sources:
        name = to or source.resolve().name
        if name not in known:
            raise ConfigError(
                f"{source}: no card is named {name}; give one with --to ({', '.join(known)}), or write one with "
                "`glados models new`"
            )
        card = own_card(known[name])
        done = lora_import.import_adapter(source, card.lora_folder or card.home / "lora")
        if card.base.hub and "/" in done.base and done.base.lower() != card.base.hub.lower():
            typer.echo(f"careful: this LoRA names the base {done.base}, the card {card.base.hub}")
        how = "converted from peft 0.1's MergedLinear" if done.merged else "taken over"
        typer.echo(f"{name}: {how}, rank {done.rank}, {done.layers} layers, in {done.folder}")
        if card.lora is None:
            typer.echo(f'write lora = "lora" into {card.home / "model.toml"} to use it')


def own_card(card: Any) -> Any:
    """The card where it may be written: copied from the built-in ones where GLADOS_MODELS_DIR names another folder."""
    from glados_bots.inference.model_files import cards  # noqa: PLC0415

    own = cards.own_folder().resolve()
    if card.home.parent == own:
        return card
    target = own / card.name
    _write(target / "model.toml", (card.home / "model.toml").read_text(encoding="utf-8"))
    return cards.load_card(target)


def remove_model(name: str, settings: ServeSettings, *, yes: bool, whole: bool) -> None:
    """Delete weights (hub cache, converted), and with `whole` the card's folder too."""
    from glados_bots.inference.model_files import cards, choosing, presence, weights  # noqa: PLC0415

    card, _ = choosing.resolve(name)
    places = [presence.hub_cache(card), weights.converted_folder(card, settings.data_dir)] if card.base.hub else []
    if card.base.gguf:
        places = sorted((settings.data_dir / "models").glob(f"{card.base.gguf.stem}-*"))
    if whole:
        if card.home is None or (card.name in cards.BUILT_IN and card.home.parent == cards.models_folder().resolve()):
            raise ConfigError(f"{card.name}: a built-in card stays; only cards of your own can be removed")
        places.append(card.home)
    present = [place for place in places if place.is_dir()]
    if not present:
        raise ConfigError(f"{card.name}: nothing of it is here that could be removed (your own folders are left alone)")
    for place in present:
        typer.echo(f"{place}: {sum(p.stat().st_size for p in place.rglob('*') if p.is_file()) / 1e6:.1f} MB")
    if not yes:
        typer.confirm("Delete these folders?", abort=True)
    for place in present:
        shutil.rmtree(place)


def write_card(name: str, base: str, lora: Path | None, prompt_format: str) -> None:
    """A card of one's own, checked by reading it. Raises ConfigError when it would not be right."""
    from glados_bots.inference.model_files import cards, choosing  # noqa: PLC0415

    target = cards.own_folder() / name
    if not cards.NAME.fullmatch(name):
        raise ConfigError(f"{name}: a name has letters, digits, and . _ - only")
    if target.exists() or name in cards.load_cards():
        raise ConfigError(f"{name}: there is a card of this name; choose another, or edit {target / 'model.toml'}")
    found, _ = choosing.resolve(base)
    if found.home is not None:
        raise ConfigError(f"{base} is a card itself; --base takes a hub id, a folder or a GGUF file")
    key, value = next((key, value) for key, value in found.base.model_dump(mode="json", exclude_none=True).items())
    lines = [f"title = {json.dumps(name)}", f"prompt_format = {json.dumps(prompt_format)}"]
    if lora is not None:
        lines.append(f"lora = {json.dumps(str(lora.expanduser().resolve()))}")
    if prompt_format == "glados":
        lines += ['stop = ["User :\\n", "User:"]', 'bad_words = ["GLaDOS :"]', "context_length = 2048"]
    _write(target / "model.toml", "\n".join([*lines, "", "[base]", f"{key} = {json.dumps(value)}", ""]))
    try:
        cards.load_card(target)
    except ConfigError:
        shutil.rmtree(target)
        raise
    typer.echo(f"{target / 'model.toml'} is written; `glados models plan {name}` says what it needs")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}); set GLADOS_MODELS_DIR to a folder of yours"
        ) from error


def token_of(settings: ServeSettings) -> str | None:
    """The hub token, where there is one."""
    return settings.hub_token
