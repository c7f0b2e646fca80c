"""A folder of weights comes from a stranger. On its word nothing outside of it is opened, and no file that runs code.

Links may lead to other files of the folder, and from a snapshot in the hub's cache to that repository's blobs, as
huggingface_hub makes them.
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glados_bots.errors import ConfigError

SAFE = ".safetensors"
MOST_FILES = 20_000
# Keys by which a config names further files: transformers opens them in place of those that were checked.
NAMING = {
    "config.json": ("transformers_weights", "configuration_files"),
    "tokenizer_config.json": ("fast_tokenizer_files",),
}
ADAPTER = "adapter_config.json"


def require_closed(folder: Path) -> None:
    """Raise ConfigError when a file leads out of the folder, or is none, or there are too many to look at."""
    root = folder.resolve()
    places = [root, *_blobs(root)]
    for count, path in enumerate(_entries(folder)):
        if count == MOST_FILES:
            raise ConfigError(f"{folder}: holds more than {MOST_FILES} files; give the folder of one model")
        target = path.resolve()
        if not any(target.is_relative_to(place) for place in places):
            raise ConfigError(f"{path}: a link out of its folder, to {target}; put the file itself there")
        mode = target.stat().st_mode if target.exists() else stat.S_IFREG
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ConfigError(f"{path}: neither a file nor a folder; remove it")


def require_plain_model(folder: Path) -> None:
    """Raise ConfigError when an index or a config names other files than safetensors of this folder."""
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
                raise ConfigError(f"{folder / name}: names other files ({key}), which are never opened; remove it")
    if (folder / ADAPTER).is_file():
        raise ConfigError(
            f"{folder / ADAPTER}: a LoRA among a model's files; move it to a folder of its own, and name it with --lora"
        )


def read_json(path: Path) -> dict[str, Any]:
    """An object from a file; empty where there is no file. Raises ConfigError when it holds anything else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, OSError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: must hold a JSON object")
    return value


def _require_weights(index: Path, name: str) -> None:
    if Path(name).name != name or not name.endswith(SAFE):
        raise ConfigError(f"{index}: names {name!r}, which is no {SAFE} file of this folder")
    if not (index.parent / name).is_file():
        raise ConfigError(f"{index}: names {name}, which is missing; fetch it again")


def _entries(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files))


def _blobs(root: Path) -> list[Path]:
    """Where the files of a snapshot in the hub's cache really lie."""
    repository = root.parent.parent
    return [repository / "blobs"] if root.parent.name == "snapshots" and repository.name.startswith("models--") else []
