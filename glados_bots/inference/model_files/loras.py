"""The LoRAs with which a model is served, and whether each belongs to its base. Quick, because it reads no weights."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import ADAPTER_CONFIG, read_json, require_closed
from glados_bots.inference.model_files.lora_bounds import require_bounded

WEIGHTS = "adapter_model.safetensors"
PICKLED = "adapter_model.bin"
BASE_NAME = "base"  # name of the base without a LoRA, if the card's own name means base and LoRA
PEFTS_RANK = 8  # peft's default
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def loras_of(card: Card, extra: Mapping[str, Path], *, base_only: bool) -> dict[str, Path]:
    """All LoRAs by the model name under which they are served: the card's own, its table's, and the command line's.

    Raises:
        ConfigError: two LoRAs have the same name.
    """
    found: dict[str, Path] = {}
    if card.lora_folder is not None and not base_only:
        found[card.name] = card.lora_folder
    for name, folder in [*card.lora_folders.items(), *extra.items()]:
        if name in found or name in {card.name, BASE_NAME}:
            raise ConfigError(f"--lora {name}={folder}: the name {name} is taken; choose another name")
        found[name] = folder
    return found


def require_lora(folder: Path, base: str | None = None) -> None:
    """Raise ConfigError unless the folder holds a current peft LoRA for this base. Quick: this reads no weights."""
    if not (folder / WEIGHTS).is_file():
        pickled = (folder / PICKLED).is_file()
        reason = "its weights are pickled, which GLaDOS refuses" if pickled else f"{WEIGHTS} is missing"
        raise ConfigError(
            f"{folder}: this folder has no usable LoRA ({reason}); run `glados models import PATH` to put one there"
        )
    require_closed(folder)
    named = str(read_config(folder).get("base_model_name_or_path") or "")
    if base and HUB_ID.fullmatch(named) and named.lower() != base.lower():
        raise ConfigError(
            f"{folder}: this LoRA was made for {named}, not for {base}; "
            f"if both have the same weights, correct base_model_name_or_path in its {ADAPTER_CONFIG}"
        )


def rank_of(folder: Path) -> int:
    """The largest rank that a LoRA has in any layer. Raises ConfigError as `read_config`."""
    config = read_config(folder)
    return max(int(rank) for rank in (config.get("r") or PEFTS_RANK, *(config.get("rank_pattern") or {}).values()))


def read_config(folder: Path) -> dict[str, Any]:
    """The LoRA's config. Raises ConfigError if it is missing or does not describe a LoRA that we can use."""
    path = folder / ADAPTER_CONFIG
    if not path.is_file():
        raise ConfigError(f"{folder}: not a LoRA: {ADAPTER_CONFIG} is missing; give the folder of a LoRA")
    config = read_json(path)
    if config.get("peft_type") != "LORA":
        raise ConfigError(f"{path}: peft_type must be LORA; use another adapter")
    mapping = config.get("auto_mapping")
    library = (mapping if isinstance(mapping, dict) else {}).get("parent_library") or "transformers"
    if str(library).partition(".")[0] != "transformers":
        raise ConfigError(
            f"{path}: auto_mapping names the library {library}, which GLaDOS never imports; use another LoRA"
        )
    require_bounded(path, config)
    return config
