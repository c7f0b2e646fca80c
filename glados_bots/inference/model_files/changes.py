"""What `glados models` changes on this machine: it fetches and removes weights, imports LoRAs, and writes cards."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import cards, choosing, download, presence, weights
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import ADAPTER_CONFIG
from glados_bots.inference.model_files.hub import leftovers

if TYPE_CHECKING:
    from glados_bots.inference.model_files.lora_import import Imported


def fetch(card: Card, data_dir: Path, token: str | None, *, convert: bool) -> tuple[Path, Path | None]:
    """(folder of the base's files, folder of the converted weights or None if no conversion was needed).

    Args:
        card: card of a model on the hub.
        data_dir: folder for converted weights.
        token: token of the hub.
        convert: convert pickled weights to safetensors if the hub has no others.
    """
    if not card.base.hub:
        raise ConfigError(f"{card.name}: its base is {card.base_name}, not on the hub; there is nothing to fetch")
    if not (convert and download.has_only_pickles(card, token)):
        return weights.fetch(card, data_dir, token), None
    folder = download.snapshot(card, token, pickled=True)
    target = weights.converted_folder(card, data_dir)
    if not target.is_dir():
        from glados_bots.inference.model_files import converting  # noqa: PLC0415 - imports torch

        converting.from_pickles(folder, target)
    return folder, target


def pin(card: Card, revision: str) -> Path:
    """Write the revision into the card's [base] and leave the rest as it is. Returns the card's file."""
    if card.home is None:
        raise ConfigError(f"{card.name} has no card that could hold the revision; write one with `glados models new`")
    path = card.home / "model.toml"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("revision")]
    lines.insert(lines.index("[base]") + 1, f'revision = "{revision}"')
    _write(path, "\n".join(lines) + "\n")
    cards.load_card(card.home)
    return path


def import_loras(path: Path, to: str) -> Iterator[tuple[Card, "Imported"]]:
    """Import one LoRA, or all LoRAs in a folder (such as `models` in a checkout of the first GLaDOS).

    Args:
        path: the folder of one LoRA, or a folder of such folders.
        to: the card that gets the one LoRA; empty: each LoRA goes to the card with its folder's name.

    Yields:
        (card before the import, what was imported for it).
    """
    from glados_bots.inference.model_files import lora_import  # noqa: PLC0415 - imports torch

    known = cards.load_cards()
    sources = (
        [path] if (path / ADAPTER_CONFIG).is_file() else sorted(p.parent for p in path.glob(f"*/{ADAPTER_CONFIG}"))
    )
    if not sources:
        raise ConfigError(
            f"{path}: no {ADAPTER_CONFIG} in this folder, nor in the folders in it; give the folder of a LoRA"
        )
    if to and len(sources) > 1:
        raise ConfigError(f"{path} holds {len(sources)} LoRAs; with --to, give the folder of one LoRA")
    for source in sources:
        name = to or source.resolve().name
        if name not in known:
            raise ConfigError(
                f"{source}: no card is named {name}; name one with --to ({', '.join(known)}), or write one with "
                "`glados models new`"
            )
        card, home = _own(known[name])
        yield card, lora_import.import_lora(source, card.lora_folder or home / "lora")


def _own(card: Card) -> tuple[Card, Path]:
    """The card in a writable folder. If GLADOS_MODELS_DIR names another folder, a built-in card is copied there."""
    own, home = cards.own_folder().resolve(), Path(str(card.home))
    if home.parent == own:
        return card, home
    target = own / card.name
    _write(target / "model.toml", (home / "model.toml").read_text(encoding="utf-8"))
    return cards.load_card(target), target


def folders_of(card: Card, data_dir: Path, *, whole: bool) -> list[Path]:
    """The folders that `remove` deletes: the hub's cache, converted weights, and with `whole` the card's folder."""
    places = [presence.hub_cache(card), weights.converted_folder(card, data_dir)] if card.base.hub else []
    if card.base.file:
        places = sorted((data_dir / weights.MADE).glob(f"{card.base.file.stem}-*"))
    if whole:
        if card.home is None or (card.name in cards.BUILT_IN and card.home.parent == cards.models_folder().resolve()):
            raise ConfigError(f"{card.name} is a built-in card, which stays; leave out --card")
        places.append(card.home)
    present = [place for place in places if place.is_dir()]
    if not present:
        raise ConfigError(f"{card.name}: nothing to remove (folders of your own are left alone); see `glados models`")
    return present


def old_revisions(card: Card, data_dir: Path) -> list[Path]:
    """What `remove --old` deletes: files of all revisions but the served one. Raises ConfigError if there are none."""
    served = weights.converted_folder(card, data_dir)
    converted = [path for path in served.parent.glob(f"{served.name.partition('@')[0]}@*") if path != served]
    found = [*leftovers.of(card), *converted] if card.base.hub else []
    if not found:
        raise ConfigError(f"{card.name}: this machine has no other revision than the served one; nothing to remove")
    return found


def write_card(name: str, base: str, lora: Path | None, prompt_format: str) -> Path:
    """Write an operator's own card, and check it by reading it. Returns its file."""
    target = cards.own_folder() / name
    if not cards.NAME.fullmatch(name):
        raise ConfigError(f"{name}: not a name for a card; use only letters, digits, and . _ -")
    if target.exists() or name in cards.all_cards():
        raise ConfigError(f"{name}: a card has this name; choose another name, or edit {target / 'model.toml'}")
    found, _ = choosing.resolve(base)
    if found.home is not None:
        raise ConfigError(f"{base} is a card itself; give --base a hub id, a folder or a GGUF file")
    _write(target / "model.toml", _text(name, found, lora, prompt_format))
    try:
        cards.load_card(target)
    except ConfigError:
        shutil.rmtree(target)
        raise
    return target / "model.toml"


def _text(name: str, found: Card, lora: Path | None, prompt_format: str) -> str:
    key, value = next(iter(found.base.model_dump(mode="json", exclude_none=True).items()))
    lines = [f"title = {json.dumps(name)}", f"prompt_format = {json.dumps(prompt_format)}"]
    if lora is not None:
        lines.append(f"lora = {json.dumps(str(lora.expanduser().resolve()))}")
    if prompt_format == "glados":
        lines += ['stop = ["User :\\n", "User:"]', 'bad_words = ["GLaDOS :"]', "context_length = 2048"]
    return "\n".join([*lines, "", "[base]", f"{key} = {json.dumps(value)}", ""])


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot write this file ({error.strerror}); set GLADOS_MODELS_DIR to your own folder"
        ) from error
