"""Which LoRAs a model is served with, and whether each belongs to its base. Quick: no weights are read."""

import re
from collections.abc import Mapping
from pathlib import Path

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import require_closed
from glados_bots.inference.model_files.lora_import import CONFIG, PICKLED, WEIGHTS, read_config

BASE_NAME = "base"  # the base without a LoRA, where the card's own name means base and LoRA


def adapters_of(card: Card, extra: Mapping[str, Path], *, base_only: bool) -> dict[str, Path]:
    """Every LoRA by the model name it is served as: the card's own, those of its table, and those of the command line.

    Raises:
        ConfigError: two have the same name.
    """
    found: dict[str, Path] = {}
    if card.lora_folder is not None and not base_only:
        found[card.name] = card.lora_folder
    for name, folder in [*card.lora_folders.items(), *extra.items()]:
        if name in found or name in {card.name, BASE_NAME}:
            raise ConfigError(f"--lora {name}={folder}: the name {name} is taken; choose another one")
        found[name] = folder
    return found


HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def require_adapter(folder: Path, base: str | None = None) -> None:
    """Raise ConfigError unless a current peft adapter for this base lies there. Quick: no weights are read."""
    if not (folder / WEIGHTS).is_file():
        pickled = (folder / PICKLED).is_file()
        reason = "its weights are pickled, which is refused" if pickled else f"{WEIGHTS} is missing"
        raise ConfigError(
            f"{folder}: no LoRA can be loaded ({reason}); run `glados models import PATH` to put one there"
        )
    require_closed(folder)
    named = str(read_config(folder).get("base_model_name_or_path") or "")
    if base and HUB_ID.fullmatch(named) and named.lower() != base.lower():
        raise ConfigError(
            f"{folder}: this LoRA was made for {named}, not for {base}; "
            f"if both are the same weights, correct base_model_name_or_path in its {CONFIG}"
        )
