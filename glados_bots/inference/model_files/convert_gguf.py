"""Turn a GGUF file into safetensors once."""

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.made_whole import made_whole

log = logging.getLogger(__name__)

GROWTH = 4.0  # 4-bit GGUF to bf16 safetensors, at most


def converted(gguf: Path, cache: Path) -> Path:
    """The folder in `cache` with what the file holds. A second process waits for the first."""
    try:
        found = gguf.stat()
    except OSError as error:
        raise ConfigError(f"{gguf}: cannot be read ({error.strerror})") from error
    target = cache / f"{gguf.stem}-{found.st_size:x}-{found.st_mtime_ns:x}"
    with _only_one(cache, target.name):
        if not target.is_dir():
            log.info("converting %s to safetensors in %s (once)", gguf.name, cache)
            with made_whole(target, int(found.st_size * GROWTH)) as scratch:
                _convert(gguf, scratch)
    return target


def _convert(gguf: Path, folder: Path) -> None:
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
