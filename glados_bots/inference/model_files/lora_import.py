"""Converts a LoRA of the first GLaDOS (peft 0.1, pickled) to a current peft LoRA in safetensors, without any loss.

peft 0.1 had a `MergedLinear` layer for a fused projection in which only some blocks were tuned (`enable_lora`). Current
peft has no such layer. For I inputs and O outputs in len(enable_lora) blocks, of which two are tuned, peft 0.1 stored

    A  (2r, I)            rows 0..r-1 belong to the first tuned block, the others to the second
    B  (2 O/blocks, r, 1) a convolution in two groups: the first half reads the first r rows of A x, and so on

This equals a plain LoRA of rank 2r, with the same A, and with B (O, 2r) zero outside of two rectangles. The scaling
alpha / r stays the same because alpha grows with the rank.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.folder_checks import ADAPTER_CONFIG, require_closed
from glados_bots.inference.model_files.loras import PICKLED, WEIGHTS, read_config
from glados_bots.inference.model_files.tensors import read

LFS_POINTER = b"version https://git-lfs"
TUNED_BLOCKS = 2  # peft 0.1 always had two groups, whatever enable_lora said
MOST_BYTES = 8 * 10**9

Tensors = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import, to be shown to the person who started it."""

    folder: Path
    base: str
    rank: int
    layers: int
    merged: bool


def import_lora(source: Path, target: Path) -> Imported:
    """Read a LoRA's folder, convert it, and write it as a current peft LoRA.

    Args:
        source: folder with adapter_config.json and its weights, pickled or in safetensors.
        target: folder for adapter_config.json and adapter_model.safetensors; existing files are replaced.

    Raises:
        ConfigError: a file is missing, truncated or not a LoRA, or config and weights do not fit together.
    """
    require_closed(source)
    config = read_config(source)
    for key in ("modules_to_save", "use_dora"):
        if config.get(key):
            raise ConfigError(f"{source / ADAPTER_CONFIG}: cannot import {key}; use a LoRA of linear layers only")
    tensors = _read(source)
    blocks: list[bool] = config.get("enable_lora") or []
    merged = any(blocks)
    pairs = _pairs(source, tensors)
    rank = _rank(source, config)
    if merged:
        rank *= TUNED_BLOCKS
        tensors = {key: _unmerged(source, key, tensor, blocks, rank) for key, tensor in tensors.items()}
    _check_shapes(source, tensors, pairs, rank)
    _write(target, _current(config, rank, pairs, merged=merged), tensors)
    return Imported(target, str(config.get("base_model_name_or_path") or "?"), rank, len(pairs), merged)


def _current(config: dict[str, Any], rank: int, pairs: list[str], *, merged: bool) -> dict[str, Any]:
    """The config in the form that current peft reads."""
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": config.get("base_model_name_or_path"),
        "r": rank,
        "lora_alpha": (config.get("lora_alpha") or 1) * (TUNED_BLOCKS if merged else 1),
        "lora_dropout": config.get("lora_dropout") or 0.0,
        "target_modules": sorted({pair.rsplit(".", 1)[-1] for pair in pairs}),
        "bias": "none",
        "fan_in_fan_out": False,  # peft 0.1 itself switched it off for linear layers
        "inference_mode": True,
    }


def _rank(source: Path, config: dict[str, Any]) -> int:
    rank = config.get("r")
    if not isinstance(rank, int):
        raise ConfigError(f"{source / ADAPTER_CONFIG}: r must be a whole number, not {rank!r}; correct it")
    return rank


def _read(source: Path) -> Tensors:
    """The weights. Only torch's safe reader opens pickles. Raises ConfigError, also for a Git LFS pointer."""
    safe, pickled = source / WEIGHTS, source / PICKLED
    path = safe if safe.is_file() else pickled
    if not path.is_file():
        raise ConfigError(f"{source}: this folder has neither {WEIGHTS} nor {PICKLED}; give the folder of a LoRA")
    with path.open("rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise ConfigError(f"{path}: only a Git LFS pointer; run `git lfs pull` in the folder it came from")
    if path.stat().st_size > MOST_BYTES:
        raise ConfigError(f"{path}: larger than {MOST_BYTES / 1e9:.0f} GB, so it cannot be a LoRA; give another file")
    return {key: tensor.contiguous() for key, tensor in read(path).items()}


def _pairs(source: Path, tensors: Tensors) -> list[str]:
    """The names of the tuned layers. Raises ConfigError if a layer has only A or B, or if there are other weights."""
    ends = (".lora_A.weight", ".lora_B.weight")
    halves = [{key.removesuffix(end) for key in tensors if key.endswith(end)} for end in ends]
    others = [key for key in tensors if not key.endswith(ends)]
    if others:
        raise ConfigError(f"{source}: {others[0]} is not a weight of a LoRA of linear layers; use another LoRA")
    odd = sorted(halves[0] ^ halves[1])
    if odd or not halves[0]:
        raise ConfigError(
            f"{source}: weights are missing: {odd[0] if odd else 'every layer'} needs both A and B; fetch it again"
        )
    return sorted(halves[0])


def _unmerged(source: Path, key: str, tensor: Any, blocks: list[bool], rank: int) -> Any:
    """Convert one tensor of a `MergedLinear` to that of a plain LoRA of this rank."""
    if key.endswith(".lora_A.weight"):
        return tensor
    tuned = [index for index, enabled in enumerate(blocks) if enabled]
    half, r = tensor.shape[0] // TUNED_BLOCKS, rank // TUNED_BLOCKS
    if len(tuned) != TUNED_BLOCKS or tuple(tensor.shape) != (TUNED_BLOCKS * half, r, 1):
        raise ConfigError(
            f"{source}: {key} has shape {tuple(tensor.shape)}, which does not fit enable_lora = {blocks} and r = {r}; "
            "fetch it again"
        )
    plain = tensor.new_zeros(len(blocks) * half, rank)
    for group, block in enumerate(tuned):
        part = tensor[group * half : (group + 1) * half, :, 0]
        plain[block * half : (block + 1) * half, group * r : (group + 1) * r] = part
    return plain


def _check_shapes(source: Path, tensors: Tensors, pairs: list[str], rank: int) -> None:
    for pair in pairs:
        a, b = (tensors[f"{pair}.lora_{half}.weight"] for half in "AB")
        if a.dim() != 2 or b.dim() != 2 or a.shape[0] != rank or b.shape[1] != rank:  # noqa: PLR2004 - matrices
            raise ConfigError(
                f"{source}: wrong rank: {pair} has A {tuple(a.shape)} and B {tuple(b.shape)}, but the config says "
                f"{rank}; {ADAPTER_CONFIG} and the weights do not belong together; fetch both again"
            )
        if not (a.isfinite().all() and b.isfinite().all()):
            raise ConfigError(
                f"{source}: {pair} holds values that are not finite numbers; the file is damaged, fetch it again"
            )


def _write(target: Path, config: dict[str, Any], tensors: Tensors) -> None:
    """Write both files or neither: first into a temporary folder, then move them."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".importing-", dir=target))
        try:
            save_file(tensors, scratch / WEIGHTS, metadata={"format": "pt"})
            (scratch / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            for name in (WEIGHTS, ADAPTER_CONFIG):
                (scratch / name).replace(target / name)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise ConfigError(
            f"{target}: cannot write this folder ({error.strerror or error}); set GLADOS_MODELS_DIR to your own folder"
        ) from error
