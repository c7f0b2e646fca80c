"""Fetches a LoRA from the hub: its config and its weights, and nothing else of the repository."""

from pathlib import Path

from huggingface_hub.errors import HFValidationError

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Base, Card
from glados_bots.inference.model_files.folder_checks import ADAPTER_CONFIG
from glados_bots.inference.model_files.hub import asking, checking, contents, fetching, pins
from glados_bots.inference.model_files.loras import WEIGHTS

MOST_BYTES = 8 * 10**9


def fetch(hub: str, token: str | None) -> Path:
    """The folder of the LoRA at its pinned commit; the first fetch pins the newest.

    Raises:
        ConfigError: the hub has no such repository, it holds no LoRA in safetensors, or the hub does not answer.
    """
    card = Card(name=hub, base=Base(hub=hub))
    try:
        with asking.explained(card):
            return _fetched(card, hub, token)
    except HFValidationError as error:
        raise ConfigError(f"{hub}: not a hub id; give ORG/NAME") from error


def _fetched(card: Card, hub: str, token: str | None) -> Path:
    commit = asking.commit_of(card, token)
    files = _needed(hub, asking.files_of(hub, commit, token))
    folder = fetching.complete(hub, commit, files, token)
    expected = checking.expected(folder, WEIGHTS, files)
    if expected:
        checking.compare(hub, folder / WEIGHTS, expected, since=0)
    pins.keep(card, commit)
    pins.write_reference(card, commit)
    return folder


def _needed(hub: str, files: contents.Files) -> contents.Files:
    missing = [name for name in (ADAPTER_CONFIG, WEIGHTS) if name not in files]
    if missing:
        raise ConfigError(f"{hub}: the hub has no {missing[0]} there, so it is no LoRA that can be loaded; use another")
    if files[WEIGHTS].size > MOST_BYTES:
        raise ConfigError(f"{hub}: {WEIGHTS} is larger than {MOST_BYTES / 1e9:.0f} GB, so it is no LoRA; use another")
    return {name: files[name] for name in (ADAPTER_CONFIG, WEIGHTS)}
