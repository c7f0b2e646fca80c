"""Tensors in files of strangers. A pickle is read by torch's `weights_only` reader, which runs no code in it."""

import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from glados_bots.errors import ConfigError, first_line


def read(path: Path) -> dict[str, Any]:
    """Tensors by name, of safetensors or of a pickle. Raises ConfigError when it is damaged or holds anything else."""
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # a damaged file may raise anything
        raise ConfigError(
            f"{path}: truncated, damaged, or more than tensors ({first_line(error)}); fetch it again"
        ) from error
    if not isinstance(loaded, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in loaded.values()):
        raise ConfigError(f"{path}: holds something else than tensors by name; fetch another file")
    return {str(key): tensor for key, tensor in loaded.items()}
