"""Converts weights in other formats to safetensors once: a GGUF file, or a hub model's pickles.

The hub has the bases of the first GLaDOS' GPT-NeoX models as pickles. A pickle with more than tensors is refused.
"""

import errno
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import transformers_bars
from glados_bots.inference.model_files.folder_checks import require_closed
from glados_bots.inference.model_files.hub.contents import MODULES
from glados_bots.inference.model_files.made_folders import made_whole, named, only_one
from glados_bots.inference.model_files.tensors import read
from glados_bots.processes.progress import progress

log = logging.getLogger(__name__)

GROWTH = 4.0  # maximum growth, from 4-bit GGUF to bf16 safetensors
INDEX = "model.safetensors.index.json"


def from_gguf(gguf: Path, cache: Path) -> Path:
    """The folder in `cache` with the converted file. A second process waits for the first."""
    target = named(gguf, cache)
    with only_one(cache, target.name):
        if not target.is_dir():
            log.info("converting %s to safetensors in %s (once)", gguf.name, cache)
            transformers_bars.take_over()
            with made_whole(target, int(gguf.stat().st_size * GROWTH)) as scratch:
                _write_gguf(gguf, scratch)
    return target


def _write_gguf(gguf: Path, folder: Path) -> None:
    try:
        _save(AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name), folder)
        model = AutoModelForCausalLM.from_pretrained(
            str(gguf.parent),
            gguf_file=gguf.name,
            dtype=torch.bfloat16,
            quantization_config=GgufConfig(dequantize=True),
        )
    except (ValueError, KeyError, RuntimeError) as error:
        raise ConfigError(f"{gguf}: cannot load this file as GGUF ({error})") from error
    _save(model, folder)


def _save(part: Any, folder: Path) -> None:
    """Write a tokenizer or a model. Raises OSError (ENOSPC) if the disk is full: both writers have their own errors."""
    try:
        part.save_pretrained(folder)
    except Exception as error:
        if "space" in str(error).lower() or "too large" in str(error).lower():
            raise OSError(errno.ENOSPC, str(error)) from error
        raise


def from_pickles(source: Path, target: Path) -> None:
    """Write the folder's model as safetensors. The target appears complete or not at all.

    Raises:
        ConfigError: a file is truncated, damaged or holds more than tensors, or the disk is too full.
    """
    require_closed(source)
    shards = sorted(source.glob("pytorch_model*.bin"))
    if not shards:
        raise ConfigError(f"{source}: this folder has no pytorch_model*.bin")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with made_whole(target, sum(shard.stat().st_size for shard in shards)) as scratch:
            _write_shards(source, shards, scratch)
    except OSError as error:
        raise ConfigError(f"{target}: cannot write this folder ({error.strerror or error})") from error


def _write_shards(source: Path, shards: list[Path], folder: Path) -> None:
    places: dict[str, str] = {}
    with progress(f"converting {source.name}", sum(shard.stat().st_size for shard in shards), "B") as advance:
        for number, shard in enumerate(shards, start=1):
            name = f"model-{number:05}-of-{len(shards):05}.safetensors"
            log.info("converting %s (%d of %d)", shard.name, number, len(shards))
            tensors = {
                key: tensor.clone().contiguous() for key, tensor in read(shard).items()
            }  # tensors in safetensors must not share memory
            save_file(tensors, folder / name, metadata={"format": "pt"})
            places |= dict.fromkeys(tensors, name)
            advance(shard.stat().st_size)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    for path in (*source.iterdir(), *source.glob(f"{MODULES}/*.json")):
        if path.suffix in {".json", ".model", ".txt", ".jinja"} and not path.name.startswith("pytorch_model"):
            copy = folder / path.relative_to(source)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(path, copy)
