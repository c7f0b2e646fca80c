"""Quantises weights at load time: bitsandbytes on a GPU; on a CPU, torchao for 8 bits and bitsandbytes for 4 bits."""

import importlib.util
from typing import Any

import torch
from transformers import BitsAndBytesConfig, TorchAoConfig

from glados_bots.errors import ConfigError


def quantisation(wanted: str, *, cuda: bool) -> Any:
    """The configuration for transformers, or None for weights as they are.

    Args:
        wanted: auto and none leave weights in bfloat16; 8bit and 4bit quantise the linear layers except the head.
        cuda: whether the model runs on an NVIDIA GPU.

    Raises:
        ConfigError: the library that it needs is not installed.
    """
    if wanted in {"auto", "none"}:
        return None
    library = "torchao" if wanted == "8bit" and not cuda else "bitsandbytes"
    if importlib.util.find_spec(library) is None:
        raise ConfigError(f"GLADOS_QUANTIZE={wanted} needs {library}: run `pip install 'glados-bots[quantize]'`")
    return _torchao() if library == "torchao" else _bitsandbytes(wanted)


def _bitsandbytes(wanted: str) -> Any:
    if wanted == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_use_double_quant=True,
    )


def _torchao() -> Any:
    from torchao.quantization import Int8WeightOnlyConfig  # noqa: PLC0415 - optional

    return TorchAoConfig(Int8WeightOnlyConfig())
