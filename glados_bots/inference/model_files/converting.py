"""Converts weights in other formats to safetensors once: a GGUF file, or a hub model's pickles.

The hub has the bases of the first GLaDOS' GPT-NeoX models as pickles. A pickle with more than tensors is refused.
"""

import errno
import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import transformers_bars
from glados_bots.inference.model_files.folder_checks import require_closed
from glados_bots.inference.model_files.tensors import read
from glados_bots.processes.progress import progress

log = logging.getLogger(__name__)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
GROWTH = 4.0  # maximum growth, from 4-bit GGUF to bf16 safetensors
INDEX = "model.safetensors.index.json"


def from_gguf(gguf: Path, cache: Path) -> Path:
    """The folder in `cache` with the converted file. A second process waits for the first."""
    try:
        found = gguf.stat()
    except OSError as error:
        raise ConfigError(f"{gguf}: cannot read this file ({error.strerror})") from error
    target = cache / f"{gguf.stem}-{found.st_size:x}-{found.st_mtime_ns:x}"
    with _only_one(cache, target.name):
        if not target.is_dir():
            log.info("converting %s to safetensors in %s (once)", gguf.name, cache)
            transformers_bars.take_over()
            with _made_whole(target, int(found.st_size * GROWTH)) as scratch:
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


@contextmanager
def _only_one(folder: Path, name: str) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot write here ({error.strerror}); set GLADOS_DATA_DIR to another folder"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


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
        with _made_whole(target, sum(shard.stat().st_size for shard in shards)) as scratch:
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
    for path in source.iterdir():
        if path.suffix in {".json", ".model", ".txt", ".jinja"} and not path.name.startswith("pytorch_model"):
            shutil.copy(path, folder / path.name)


@contextmanager
def _made_whole(target: Path, needed: int) -> Iterator[Path]:
    """A temporary folder to fill. It becomes `target` at the end, and is deleted after a failure.

    Args:
        target: a folder that does not exist yet, in one that does.
        needed: maximum number of bytes to be written.

    Raises:
        ConfigError: the disk is too full, at the beginning or while the folder is being filled.
    """
    free = shutil.disk_usage(target.parent).free
    full = ConfigError(
        f"no room in {target.parent}: the converted weights need up to {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are "
        "free; free some space or set GLADOS_DATA_DIR to another disk"
    )
    if free < needed:
        raise full
    scratch = Path(tempfile.mkdtemp(prefix=".converting-", dir=target.parent))
    try:
        yield scratch
        scratch.rename(target)
    except OSError as error:
        if error.errno in FULL:
            raise full from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
