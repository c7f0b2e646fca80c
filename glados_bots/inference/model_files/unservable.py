"""Finds models that the transformers engine cannot serve, from their config, before any weights are read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import read_json
from glados_bots.inference.model_files.presence import hub_snapshot, local_folder

WAY_OUT = "serve it with `--engine vllm`, or choose another model; see docs/models.md"
ALIBI = ("bloom", "mpt")  # model types that always have it


def cannot_be_served(card: Card, reason: str) -> str:
    """The error sentence for a model that fails to load or fails at its first question."""
    return f"{card.name}: this model cannot be served by transformers ({reason}); {WAY_OUT}"


def refuse_by_hub(card: Card, token: str | None) -> None:
    """Check the config before a download of large files. Raises ConfigError like `refuse_by_config`."""
    if card.base.hub is None or hub_snapshot(card) is not None:
        return
    from glados_bots.inference.model_files import download  # noqa: PLC0415 - `doctor` works without the hub's library

    try:
        path = download.config_of(card, token)
    except ConfigError:
        return  # the download that follows reports this, or finds the files elsewhere
    refuse_by_config(card, path.parent)


def refuse_by_config(card: Card, folder: Path) -> None:
    """Raise ConfigError if the model in this folder would give wrong answers, or none."""
    fault = fault_of(folder)
    if fault:
        raise ConfigError(f"{card.name}: {fault}; {WAY_OUT}")


def fault_of(folder: Path) -> str | None:
    """Why transformers cannot serve the model in this folder; None if it can, or if the folder has no config."""
    config = read_json(folder / "config.json")
    faults = filter(None, map(_fault, (config, config.get("text_config") or {})))
    return next((f"{fault}, which transformers' continuous batching ignores" for fault in faults), None)


def known_fault(card: Card, engine: str) -> str | None:
    """Why this engine cannot serve the model, judged from the files on this machine; None if no reason is known."""
    folder = local_folder(card)
    return fault_of(folder) if folder and engine == "transformers" else None


def _fault(config: Mapping[str, Any]) -> str | None:
    attention = config.get("attn_config")
    own = isinstance(attention, dict) and attention.get("alibi")
    if (
        config.get("model_type") in ALIBI
        or config.get("alibi")
        or own
        or config.get("position_embedding_type") == "alibi"
    ):
        return "its attention falls off with the distance (ALiBi)"
    if config.get("kv_lora_rank"):
        return "its keys and values are stored as one small vector (MLA)"
    return None


def way_of(folder: Path) -> str:  # noqa: ARG001 - the support check follows
    """What serves the model in this folder: `paged` or `dense`."""
    return "paged"
