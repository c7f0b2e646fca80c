"""Loads a model as its card and the options say: device, precision, LoRAs."""

import importlib.util
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from glados_bots.inference.transformers_engine.multi_lora import BASE, MultiLora, Room
from glados_bots.inference.transformers_engine.quantize import quantisation

if TYPE_CHECKING:
    from glados_bots.inference.transformers_engine.lora import LoraReader

log = logging.getLogger(__name__)

# Libraries needed to read a checkpoint's own quantisation: method -> (module, package).
READERS = {
    "gptq": ("gptqmodel", "gptqmodel"),
    "awq": ("gptqmodel", "gptqmodel"),
    "bitsandbytes": ("bitsandbytes", "bitsandbytes"),
    "torchao": ("torchao", "torchao"),
    "compressed-tensors": ("compressed_tensors", "compressed-tensors"),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model and its LoRAs."""

    model: Any
    slots: Mapping[str, int]  # the slot of each model name, the default first
    loras: MultiLora | None = None  # beside its weights, if there are any or may be any later
    given: Mapping[str, Path] = field(default_factory=dict)  # the folders of those LoRAs
    reader: "LoraReader | None" = None  # reads LoRAs that come later


def load_model(folder: Path, card: Card, options: EngineOptions) -> Loaded:
    """The model, and its LoRAs.

    A single LoRA is merged into the weights. Several LoRAs, LoRAs on a quantised base, and all LoRAs where others may
    come later, stay beside the weights.

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
    if not folders and not options.max_loras:
        return Loaded(model, {card.name: BASE})
    from glados_bots.inference.transformers_engine.lora import apply_lora, read_loras  # noqa: PLC0415 - imports peft

    if list(folders) == [card.name] and not own and not wanted and not options.max_loras:
        return Loaded(apply_lora(model, folders[card.name], card.base.hub), {card.name: BASE})
    pairs = read_loras(model, folders, card.base.hub)
    reader, room = _later(model, card, options, len(folders))
    loras = MultiLora(model, pairs, room)
    names = {card.name: loras.slots.get(card.name, BASE), **loras.slots}
    return Loaded(model, names if card.name not in folders else {**names, BASE_NAME: BASE}, loras, folders, reader)


def _later(model: Any, card: Card, options: EngineOptions, given: int) -> "tuple[LoraReader | None, Room | None]":
    """What reads LoRAs that come later, and the room for them. Args: given: LoRAs from the start."""
    if not options.max_loras:
        return None, None
    from glados_bots.inference.transformers_engine.lora import LoraReader  # noqa: PLC0415 - imports peft

    if given > options.max_loras:
        raise ConfigError(f"GLADOS_MAX_LORAS={options.max_loras}: {given} LoRAs are served from the start; raise it")
    reader = LoraReader(model, card.base.hub, options.max_lora_rank)
    return reader, Room(options.max_loras + 1, options.max_lora_rank, reader.layers)


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
