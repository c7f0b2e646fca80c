"""Turn a hub model's pickled weights into safetensors once, without running what a pickle may hold.

The bases of the first GLaDOS' GPT-NeoX models are on the hub as pickles; one that holds more than
tensors is refused.
"""

import json
import logging
import shutil
from pathlib import Path

from safetensors.torch import save_file

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.folder_checks import require_closed
from glados_bots.inference.model_files.made_whole import made_whole
from glados_bots.inference.model_files.tensors import read

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
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with made_whole(target, sum(shard.stat().st_size for shard in shards)) as scratch:
            _write(source, shards, scratch)
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written ({error.strerror or error})") from error


def _write(source: Path, shards: list[Path], folder: Path) -> None:
    places: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        log.info("converting %s (%d of %d)", shard.name, number, len(shards))
        tensors = {
            key: tensor.clone().contiguous() for key, tensor in read(shard).items()
        }  # safetensors shares no memory
        save_file(tensors, folder / name, metadata={"format": "pt"})
        places |= dict.fromkeys(tensors, name)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    for path in source.iterdir():
        if path.suffix in {".json", ".model", ".txt", ".jinja"} and not path.name.startswith("pytorch_model"):
            shutil.copy(path, folder / path.name)
