"""Reads tensors from files that strangers made. torch's `weights_only` reader opens pickles without running code."""

import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from glados_bots.errors import ConfigError, first_line


def read(path: Path) -> dict[str, Any]:
    """Tensors by name, from safetensors or a pickle. Raises ConfigError if the file is damaged or holds more."""
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # a damaged file may raise anything
        raise ConfigError(
            f"{path}: this file is truncated, damaged, or holds more than tensors ({first_line(error)}); fetch it again"
        ) from error
    if not isinstance(loaded, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in loaded.values()):
        raise ConfigError(f"{path}: this file holds something other than tensors by name; fetch another file")
    return {str(key): tensor for key, tensor in loaded.items()}
