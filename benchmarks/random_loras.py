"""Random LoRAs on the attention of any model, small enough not to change the length of its answers."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import AutoConfig

from glados_bots.inference.model_files.classes import model_class

RANK = 16
TUNES = ("attn", "attention")  # in the name of a module whose linear layers are tuned


def write_loras(base: Path, home: Path, count: int) -> dict[str, Path]:
    """Write LoRAs into `home`, except those that are there. Returns their folders by name. Needs no weights."""
    folders = {f"lora{number}": home / f"lora{number}" for number in range(count)}
    for seed, folder in enumerate(folders.values()):
        if not (folder / "adapter_model.safetensors").is_file():
            _write(base, folder, seed)
    return folders


def _write(base: Path, folder: Path, seed: int) -> None:
    shape = AutoConfig.from_pretrained(base)
    with torch.device("meta"):
        model: Any = model_class(shape).from_config(shape)
    config = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=_attention_layers(model))
    shapes = get_peft_model_state_dict(get_peft_model(model, config, low_cpu_mem_usage=True))
    generator = torch.Generator().manual_seed(seed)
    config.inference_mode = True
    config.save_pretrained(folder)
    tensors = {name: _random(name, tensor.shape, generator) for name, tensor in shapes.items()}
    save_file(tensors, folder / "adapter_model.safetensors")


def _attention_layers(model: Any) -> list[str]:
    """Names of the linear layers of attention. Raises RuntimeError if the model has none."""
    names = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    found = sorted({name.rpartition(".")[2] for name in names if any(part in name for part in TUNES)})
    if not found:
        raise RuntimeError("this model has no linear layers of attention that a LoRA could tune")
    return found


def _random(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    width = 0.002 if "lora_B" in name else shape[-1] ** -0.5
    return (torch.randn(shape, generator=generator) * width).to(torch.bfloat16)
