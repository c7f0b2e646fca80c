"""Checks of a folder of weights. A stranger made it, so it must not make us open files elsewhere, or run code.

Links may lead to other files in the folder, to weights that GLaDOS has converted itself, and from a snapshot in the
hub's cache to the blobs of its repository, as huggingface_hub creates them.
"""

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from glados_bots.errors import ConfigError

SAFE = ".safetensors"
MOST_FILES = 20_000
MOST_PARTS = 10_000  # layers, or experts per layer; each is an object in memory before any weights are read
MOST_TEXT = 2**28  # bytes of a file that is read as a whole; tokenizers have a tenth of that
# Keys by which a config names other files: transformers would open them instead of the checked ones.
NAMING = {
    "config.json": ("transformers_weights", "configuration_files"),
    "tokenizer_config.json": ("fast_tokenizer_files",),
}
COUNTED = re.compile("layer|expert")
SIZED = re.compile("size|dim|vocab")  # such as vocab_size_per_layer_input and shared_expert_intermediate_size
TEXTS = frozenset({".json", ".jinja", ".txt", ".model"})
ADAPTER_CONFIG = "adapter_config.json"


def require_closed(folder: Path, ours: Path | None = None) -> None:
    """Raise ConfigError if a link leads out of the folder, an entry is neither file nor folder, or there are too many.

    Args:
        folder: folder of a model or a LoRA.
        ours: folder of the weights that GLaDOS has converted.
    """
    root = folder.resolve()
    places = [root, *_blobs(root), *([ours.resolve()] if ours else [])]
    for count, path in enumerate(_entries(folder)):
        if count == MOST_FILES:
            raise ConfigError(f"{folder}: holds more than {MOST_FILES} files; give the folder of one model")
        target = path.resolve()
        if not any(target.is_relative_to(place) for place in places):
            raise ConfigError(f"{path}: this link leads out of its folder, to {target}; put the file itself there")
        mode = target.stat().st_mode if target.exists() else stat.S_IFREG
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ConfigError(f"{path}: neither a file nor a folder; remove it")
        if path.suffix in TEXTS and target.exists() and target.stat().st_size > MOST_TEXT:
            raise ConfigError(f"{path}: larger than {MOST_TEXT / 1e6:.0f} MB, so it must be damaged; fetch it again")


def require_plain_model(folder: Path) -> None:
    """Raise ConfigError if an index or a config names anything but safetensors files of this folder."""
    for path in sorted(folder.glob(f"*{SAFE}.index.json")):
        places = read_json(path).get("weight_map")
        if not isinstance(places, dict):
            raise ConfigError(f"{path}: has no weight_map; fetch it again")
        for name in {str(value) for value in places.values()}:
            _require_weights(path, name)
    for name, keys in NAMING.items():
        config = read_json(folder / name)
        for key in keys:
            if config.get(key):
                raise ConfigError(f"{folder / name}: {key} names other files, which GLaDOS never opens; remove it")
    if (folder / ADAPTER_CONFIG).is_file():
        raise ConfigError(
            f"{folder / ADAPTER_CONFIG}: a LoRA among a model's files; move it to its own folder, "
            "and name that with --lora"
        )


def require_bounded(path: Path, config: Mapping[str, Any]) -> None:
    """Raise ConfigError if a model's config asks for more layers or experts than any model has."""
    for key, value in config.items():
        if isinstance(value, dict):
            require_bounded(path, value)
        elif COUNTED.search(key) and not SIZED.search(key) and isinstance(value, int) and value > MOST_PARTS:
            raise ConfigError(
                f"{path}: {key} is {value:.3g}, and GLaDOS loads at most {MOST_PARTS}; choose another model"
            )


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty if there is no file. Raises ConfigError if the file holds anything else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, OSError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot read this file ({error}); fetch it again") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: must hold a JSON object; fetch it again")
    return value


def _require_weights(index: Path, name: str) -> None:
    if Path(name).name != name or not name.endswith(SAFE):
        raise ConfigError(f"{index}: names {name!r}, which is not a {SAFE} file of this folder; fetch it again")
    if not (index.parent / name).is_file():
        raise ConfigError(f"{index}: names {name}, which is missing; fetch it again")


def _entries(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files))


def _blobs(root: Path) -> list[Path]:
    """The folder that holds the files of a snapshot in the hub's cache; none for other folders."""
    repository = root.parent.parent
    return [repository / "blobs"] if root.parent.name == "snapshots" and repository.name.startswith("models--") else []
