"""Turn weights of other kinds into safetensors once: a GGUF file, or a hub model's pickles.

The bases of the first GLaDOS' GPT-NeoX models are on the hub as pickles; one that holds more than tensors is refused.
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
from glados_bots.inference.model_files.folder_checks import require_closed
from glados_bots.inference.model_files.tensors import read
from glados_bots.processes.bars import take_over_transformers
from glados_bots.processes.progress import progress

log = logging.getLogger(__name__)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
GROWTH = 4.0  # 4-bit GGUF to bf16 safetensors, at most
INDEX = "model.safetensors.index.json"


def from_gguf(gguf: Path, cache: Path) -> Path:
    """The folder in `cache` with what the file holds. A second process waits for the first."""
    try:
        found = gguf.stat()
    except OSError as error:
        raise ConfigError(f"{gguf}: cannot be read ({error.strerror})") from error
    target = cache / f"{gguf.stem}-{found.st_size:x}-{found.st_mtime_ns:x}"
    with _only_one(cache, target.name):
        if not target.is_dir():
            log.info("converting %s to safetensors in %s (once)", gguf.name, cache)
            take_over_transformers()
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
        raise ConfigError(f"{gguf}: not a GGUF file that can be loaded ({error})") from error
    _save(model, folder)


def _save(part: Any, folder: Path) -> None:
    """Write a tokenizer or a model; both writers have exceptions of their own for a full disk."""
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
        with _made_whole(target, sum(shard.stat().st_size for shard in shards)) as scratch:
            _write_shards(source, shards, scratch)
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written ({error.strerror or error})") from error


def _write_shards(source: Path, shards: list[Path], folder: Path) -> None:
    places: dict[str, str] = {}
    with progress(f"converting {source.name}", sum(shard.stat().st_size for shard in shards), "B") as advance:
        for number, shard in enumerate(shards, start=1):
            name = f"model-{number:05}-of-{len(shards):05}.safetensors"
            log.info("converting %s (%d of %d)", shard.name, number, len(shards))
            tensors = {
                key: tensor.clone().contiguous() for key, tensor in read(shard).items()
            }  # safetensors shares no memory
            save_file(tensors, folder / name, metadata={"format": "pt"})
            places |= dict.fromkeys(tensors, name)
            advance(shard.stat().st_size)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    for path in source.iterdir():
        if path.suffix in {".json", ".model", ".txt", ".jinja"} and not path.name.startswith("pytorch_model"):
            shutil.copy(path, folder / path.name)


@contextmanager
def _made_whole(target: Path, needed: int) -> Iterator[Path]:
    """A folder to fill, which becomes `target` at the end; after a failure nothing of it stays.

    Args:
        target: not there yet, in a folder that is.
        needed: bytes, at most.

    Raises:
        ConfigError: there is no room, before or while it is filled.
    """
    free = shutil.disk_usage(target.parent).free
    full = ConfigError(
        f"no room in {target.parent}: the converted weights need up to {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB "
        "are free; free some space or set GLADOS_DATA_DIR to another disk"
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
