"""Turn a hub model's pickled weights into safetensors once, without running what a pickle may hold.

The bases of the first GLaDOS' GPT-NeoX models are on the hub as pickles. torch's `weights_only` reader knows tensors
and nothing else; a pickle that holds more is refused.
"""

import json
import logging
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.folder_checks import require_closed

log = logging.getLogger(__name__)

INDEX = "model.safetensors.index.json"


def convert(source: Path, target: Path) -> None:
    """Write the folder's model as safetensors. The target appears whole or not at all.

    Raises:
        ConfigError: a file is truncated, damaged or holds more than tensors, or there is no room.
    """
    require_closed(source)
    shards = sorted(source.glob("pytorch_model*.bin"))
    if not shards:
        raise ConfigError(f"{source}: holds no pytorch_model*.bin")
    needed = sum(shard.stat().st_size for shard in shards)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(target.parent).free
        if free < needed:
            raise ConfigError(
                f"no room in {target.parent}: {needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} are free"
            )
        scratch = Path(tempfile.mkdtemp(prefix=".converting-", dir=target.parent))
        try:
            _write(source, shards, scratch)
            scratch.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written ({error.strerror or error})") from error


def _write(source: Path, shards: list[Path], folder: Path) -> None:
    from safetensors.torch import save_file  # noqa: PLC0415 - imports torch

    places: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        log.info("converting %s (%d of %d)", shard.name, number, len(shards))
        tensors = _tensors(shard)
        save_file(tensors, folder / name, metadata={"format": "pt"})
        places |= dict.fromkeys(tensors, name)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    for path in source.iterdir():
        if path.suffix in {".json", ".model", ".txt", ".jinja"} and not path.name.startswith("pytorch_model"):
            shutil.copy(path, folder / path.name)


def _tensors(shard: Path) -> dict[str, Any]:
    import torch  # noqa: PLC0415 - slow to import

    try:
        loaded = torch.load(shard, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(shard))
    except Exception as error:  # a damaged file may raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{shard}: truncated, damaged, or more than tensors ({reason})") from error
    if not isinstance(loaded, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in loaded.values()):
        raise ConfigError(f"{shard}: holds something else than tensors by name")
    return {str(key): tensor.clone().contiguous() for key, tensor in loaded.items()}  # safetensors shares no memory
