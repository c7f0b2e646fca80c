"""Reads a current peft LoRA, checks that it belongs to the base, and merges it: a merged LoRA costs nothing.

Several LoRAs on one base stay beside its weights instead (see multi_lora.py). `read_loras` reads those, and
`LoraReader` those that come while the service runs.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.pytorch_utils import Conv1D

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.classes import model_class
from glados_bots.inference.model_files.lora_bounds import targets
from glados_bots.inference.model_files.loras import WEIGHTS, read_config, require_lora
from glados_bots.inference.transformers_engine.multi_lora import MOST_WEIGHT, Pair

LARGEST_NUMBER = 4  # bytes of a weight in float32
HEADER = 2**22  # bytes of a file of weights that hold no weights, at most


def apply_lora(model: Any, folder: Path, base: str | None = None) -> Any:
    """The model with the LoRA merged into its weights.

    Args:
        model: the base, not quantised.
        folder: folder of a current peft LoRA.
        base: the base's hub id, if it has one; a LoRA that names another base is refused.

    Raises:
        ConfigError: the LoRA is missing or pickled, or does not belong to this base.
    """
    require_lora(folder, base)
    fitted, tensors = _fitted(model, folder)
    set_peft_model_state_dict(fitted, tensors, low_cpu_mem_usage=True)
    return fitted.merge_and_unload(safe_merge=True)


def read_loras(model: Any, folders: Mapping[str, Path], base: str | None = None) -> dict[str, dict[str, Pair]]:
    """For each LoRA name, the pairs that it adds to the model, by module name, on the CPU.

    Raises:
        ConfigError: a LoRA is missing or pickled, does not belong to this base, or can only be merged.
    """
    for folder in folders.values():
        require_lora(folder, base)
        _require_plain(folder)
    return {name: _pairs(*_fitted(_skeleton(model), folder), folder) for name, folder in folders.items()}


class LoraReader:
    """Reads LoRAs for a model that already answers.

    Args:
        model: the loaded base. A copy without weights is made now: making one later changes torch's default type for
            all threads.
        base: the base's hub id, if it has one.
        most_rank: the largest rank that there is room for.
    """

    def __init__(self, model: Any, base: str | None, most_rank: int) -> None:
        self._skeleton = _skeleton(model)
        self._base = base
        self.layers = _linear_layers(self._skeleton, model)
        numbers = sum(sum(size) for size in self.layers.values()) * most_rank
        self._most_bytes = numbers * LARGEST_NUMBER + HEADER

    def read(self, folder: Path) -> dict[str, Pair]:
        """The pairs of one LoRA, by module name, on the CPU. Raises ConfigError as `read_loras`, or if it is large.

        Args: folder: of a LoRA whose rank is not too large.
        """
        require_lora(folder, self._base)
        _require_plain(folder)
        if (folder / WEIGHTS).stat().st_size > self._most_bytes:
            raise ConfigError(f"{folder / WEIGHTS}: larger than any LoRA of this base and rank; use another LoRA")
        return _pairs(*_fitted(deepcopy(self._skeleton), folder), folder)


def _require_plain(folder: Path) -> None:
    """Raise ConfigError if a LoRA can only be merged."""
    config = read_config(folder)
    whole = any(config.get(field) for field in ("modules_to_save", "target_parameters", "use_dora"))
    if whole or config.get("bias", "none") != "none":
        raise ConfigError(f"{folder}: only plain LoRAs of linear layers work beside others; serve this one alone")


def _linear_layers(skeleton: Any, model: Any) -> dict[str, tuple[int, int]]:
    """(in, out) of each linear layer that reads text, by name. A model that sees has others, too."""
    text = {id(module) for part in (skeleton.get_decoder(), skeleton.get_output_embeddings()) for module in _all(part)}
    here = {name for name, _ in model.named_modules()}
    found = ((name, module) for name, module in skeleton.named_modules() if id(module) in text and name in here)
    return {name: size for name, module in found if (size := _size(module))}


def _all(part: Any) -> list[Any]:
    return [] if part is None else list(part.modules())


def _size(module: Any) -> tuple[int, int] | None:
    if isinstance(module, torch.nn.Linear):
        return module.in_features, module.out_features
    return (module.nx, module.nf) if isinstance(module, Conv1D) else None


def _skeleton(model: Any) -> Any:
    """A model of the same shape without weights, for reading a LoRA."""
    config = deepcopy(model.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device("meta"):
        return model_class(config).from_config(config)


def _fitted(model: Any, folder: Path) -> tuple[Any, dict[str, Any]]:
    """(the model prepared for the LoRA, the LoRA's tensors). All tensors are there and fit, else raises ConfigError."""
    try:
        tensors = load_file(folder / WEIGHTS)
        config = LoraConfig.from_pretrained(folder)
        config.inference_mode = True
        config.target_modules = targets(config.target_modules, tensors)
        if isinstance(config.exclude_modules, str):  # an expression; excluded modules have no weights
            config.target_modules, config.exclude_modules = targets("", tensors), None
        config.base_model_name_or_path = config.auto_mapping = None  # we check these; peft warns about local folders
        fitted = get_peft_model(model, config, low_cpu_mem_usage=True)
        _compare(folder, get_peft_model_state_dict(fitted), tensors)
    except SafetensorError as error:
        raise ConfigError(f"{folder / WEIGHTS}: truncated or damaged ({error}); import or fetch it again") from error
    except (ValueError, RuntimeError, KeyError, OSError, TypeError) as error:
        raise ConfigError(
            f"{folder}: this LoRA does not fit the base model ({error}); use one that was made for it"
        ) from error
    return fitted, tensors


def _compare(folder: Path, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    missing, strange = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if missing:
        raise ConfigError(
            f"{folder}: weights are missing: {missing[0]} and {len(missing) - 1} others; fetch this LoRA again"
        )
    if strange:
        raise ConfigError(
            f"{folder}: this LoRA does not fit the base model, which has no {strange[0]}; use one that was made for it"
        )
    for key, tensor in wanted.items():
        if found[key].shape != tensor.shape:
            raise ConfigError(
                f"{folder}: this LoRA does not fit the base model: {key} has shape {tuple(found[key].shape)}, "
                f"but the base needs {tuple(tensor.shape)}; the LoRA has another base or another rank"
            )


def _pairs(fitted: Any, tensors: Mapping[str, Any], folder: Path) -> dict[str, Pair]:
    pairs: dict[str, Pair] = {}
    for name, module in fitted.base_model.model.named_modules():
        if not isinstance(module, LoraLayer):
            continue
        halves = [tensors.get(f"base_model.model.{name}.lora_{half}.weight") for half in "AB"]
        if halves[0] is None or halves[1] is None or halves[0].dim() != 2:  # noqa: PLR2004 - a matrix
            raise ConfigError(f"{folder}: {name} is not a linear layer; serve this LoRA alone, not beside others")
        pairs[name] = Pair(halves[0], halves[1] * module.scaling["default"])
        if not all(bool((half.abs() <= MOST_WEIGHT).all()) for half in (pairs[name].a, pairs[name].b)):
            raise ConfigError(f"{folder}: {name} holds weights beyond {MOST_WEIGHT:g}, or no numbers; use another LoRA")
    return pairs
