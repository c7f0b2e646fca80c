"""Weights that are quantised on the hub already: how large they are, and how large they become in memory."""

import importlib.util
import subprocess
from collections.abc import Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from glados_bots.inference.model_files.cards import Card, Shape
from glados_bots.inference.model_files.folder_checks import read_json
from glados_bots.inference.model_files.shapes import PLAIN_BYTES

INDEX = "model.safetensors.index.json"
WEIGHTS = "model*.safetensors"
# Method -> the compute capability that transformers' reader needs. It makes bfloat16 weights for an older GPU.
CAPABILITY = {"mxfp4": 7.5, "fp8": 8.9}


def method_of(config: Mapping[str, Any]) -> str | None:
    """The method of a quantised checkpoint, from its config.json; None if it is not quantised."""
    own = config.get("quantization_config")
    return str(own.get("quant_method") or "unknown") if isinstance(own, dict) else None


def as_loaded(shape: Shape, method: str | None) -> tuple[Shape, str]:
    """(the figures of the weights in this machine's memory, why they are not those of the checkpoint or empty)."""
    reason = _grows(method) if method and shape.checkpoint_bytes else ""
    plain = int(shape.parameters * PLAIN_BYTES)
    return (shape.model_copy(update={"checkpoint_bytes": plain}) if reason else shape), reason


def size_of(card: Card, folder: Path, token: str | None) -> int | None:
    """Bytes of the weights that the checkpoint's index names, or of its one file; None if nobody can say.

    Args:
        card: the model's card. If its base is on the hub, the index (some kilobytes) is fetched.
        folder: the folder of its config.
        token: token of the hub.
    """
    total = (read_json(folder / INDEX).get("metadata") or {}).get("total_size")
    if isinstance(total, int | float):
        return int(total)
    local = [path.stat().st_size for path in folder.glob(WEIGHTS)]
    if local or not card.base.hub:
        return sum(local) or None
    from glados_bots.inference.model_files.before_loading.listing import sizes_on_hub  # noqa: PLC0415 - `list` needs no hub

    found = sizes_on_hub(card, token)
    return sum(size for name, size in found.items() if fnmatch(name, WEIGHTS) and "/" not in name) or None


def _grows(method: str) -> str:
    needed = CAPABILITY.get(method)
    found = capability()
    if needed and found is not None and found < needed:
        return f"this GPU is too old for {method} (compute capability {found}, and it needs {needed})"
    if method == "mxfp4" and importlib.util.find_spec("kernels") is None:
        return "transformers computes mxfp4 only with the package `kernels`, which is not installed"
    return "transformers computes fp8 only on a GPU" if method == "fp8" and found is None else ""


@cache
def capability() -> float | None:
    """The lowest compute capability of this machine's NVIDIA GPUs; None without one."""
    command = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        return min(map(float, output.split()), default=None)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
