"""Put a LoRA on a base model and merge it: an adapter then costs nothing at run time."""

from pathlib import Path
from typing import Any

from glados_bots.errors import ConfigError


def apply_lora(model: Any, folder: Path) -> Any:
    """The model with the adapter merged into its weights.

    Raises:
        ConfigError: the adapter is missing, pickled, or does not belong to this base.
    """
    if not (folder / "adapter_model.safetensors").is_file():
        pickled = (folder / "adapter_model.bin").is_file()
        reason = "its weights are pickled, which is refused" if pickled else "adapter_model.safetensors is missing"
        raise ConfigError(f"{folder}: no LoRA can be loaded ({reason}); put a current peft adapter there")
    from peft import PeftModel  # noqa: PLC0415 - slow to import, and rarely needed

    try:
        return PeftModel.from_pretrained(model, folder, is_trainable=False).merge_and_unload(safe_merge=True)
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        raise ConfigError(f"{folder}: this LoRA does not fit the base model ({error})") from error
