"""Loads a model as its card and the options say: device, precision, LoRAs."""

import importlib.util
import logging
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from glados_bots.errors import ConfigError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files import transformers_bars
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.classes import model_class
from glados_bots.inference.model_files.folder_checks import read_json
from glados_bots.inference.model_files.loras import BASE_NAME, loras_of
from glados_bots.inference.transformers_engine.loaded import require_all_weights
from glados_bots.inference.transformers_engine.multi_lora import BASE, MultiLora
from glados_bots.inference.transformers_engine.quantize import quantisation

log = logging.getLogger(__name__)

# Libraries needed to read a checkpoint's own quantisation: method -> (module, package).
READERS = {
    "gptq": ("gptqmodel", "gptqmodel"),
    "awq": ("gptqmodel", "gptqmodel"),
    "bitsandbytes": ("bitsandbytes", "bitsandbytes"),
    "torchao": ("torchao", "torchao"),
    "compressed-tensors": ("compressed_tensors", "compressed-tensors"),
}


def load_model(folder: Path, card: Card, options: EngineOptions) -> tuple[Any, MultiLora | None, dict[str, int]]:
    """(the model, the LoRAs beside its weights if there are any, the slot of each model name, the default first).

    A single LoRA is merged into the weights. Several LoRAs, or LoRAs on a quantised base, stay beside the weights.

    Raises:
        ConfigError: a LoRA is missing or does not fit, or a quantisation is not available here.
    """
    folders = loras_of(card, options.loras, base_only=options.base_only)
    own = _own_quantisation(folder)
    wanted = None if own else quantisation(options.quantize, cuda=torch.cuda.is_available())
    transformers_bars.take_over()
    model, info = model_class(AutoConfig.from_pretrained(folder)).from_pretrained(
        folder,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are in `info`, and refused below
        dtype=getattr(torch, options.dtype),
        device_map=_device_map(options),
        use_safetensors=True,
        **({"quantization_config": wanted} if wanted else {}),
    )
    require_all_weights(card, model, info)
    _refuse_offload(card, model)
    if not folders:
        return model, None, {card.name: BASE}
    from glados_bots.inference.transformers_engine.lora import apply_lora, read_loras  # noqa: PLC0415 - imports peft

    if list(folders) == [card.name] and not own and not wanted:
        return apply_lora(model, folders[card.name], card.base.hub), None, {card.name: BASE}
    loras = MultiLora(model, read_loras(model, folders, card.base.hub))
    names = {card.name: loras.slots.get(card.name, BASE), **loras.slots}
    return model, loras, names if card.name not in folders else {**names, BASE_NAME: BASE}


def _device_map(options: EngineOptions) -> str | None:
    if not torch.cuda.is_available():
        return None
    return "auto" if options.multi_gpu else "cuda:0"


def _refuse_offload(card: Card, model: Any) -> None:
    """Raise ConfigError if accelerate put parts of the model into main memory or on disk: answers take minutes then."""
    elsewhere = {str(place) for place in getattr(model, "hf_device_map", {}).values()} & {"cpu", "disk"}
    if elsewhere and torch.cuda.is_available():
        raise ConfigError(
            f"{card.name} does not fit the GPUs' memory, and with a part of it elsewhere ({', '.join(elsewhere)}) "
            f"it would be too slow to chat with; try --quantize 8bit or 4bit, see `glados models plan {card.name}`"
        )


def _own_quantisation(folder: Path) -> str | None:
    """The method of a quantised checkpoint, else None. Raises ConfigError if the library to read it is missing."""
    method = (read_json(folder / "config.json").get("quantization_config") or {}).get("quant_method")
    if method is None:
        return None
    module, package = READERS.get(str(method), ("torch", ""))
    if importlib.util.find_spec(module) is None:
        raise ConfigError(f"{folder}: these weights are {method}-quantised; run `pip install {package}` to read them")
    log.info("the weights are already %s-quantised", method)
    return str(method)
