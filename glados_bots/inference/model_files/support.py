"""Decides from a model's config alone how the transformers engine serves it, before any weights are fetched.

Quick, without torch and without the network. `plan`, `pull`, `list`, `doctor`, `auto` and `serve` all ask here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import read_json
from glados_bots.inference.model_files.presence import local_folder

WAY_OUT = "serve it with `--engine vllm`, or choose another model; see docs/models.md"


@dataclass(frozen=True, slots=True)
class Support:
    """How the engine serves a model.

    paged: with transformers' continuous batching.
    dense: with the model's own cache, in batches of our own.
    None: not at all.
    """

    way: Literal["paged", "dense"] | None
    reason: str  # why not paged; empty if it is


def supported(config: Mapping[str, Any]) -> Support:
    """Judge the content of a config.json."""
    for part in (config, config.get("text_config") or {}):
        if part.get("kv_lora_rank"):
            return Support("dense", "its keys and values have two sizes (MLA)")
    return Support("paged", "")


def support_of(card: Card) -> Support | None:
    """Judge a card, from its `[config]` or from the files on this machine; None if neither has a config."""
    folder = local_folder(card)
    config = card.config or (read_json(folder / "config.json") if folder else {})
    return supported(config) if config else None


def require(card: Card, config: Mapping[str, Any]) -> Support:
    """How the engine serves this model. Raises ConfigError with the way out if it cannot."""
    support = supported(config)
    if support.way is None:
        raise ConfigError(cannot_be_served(card, support.reason))
    return support


def cannot_be_served(card: Card, reason: str) -> str:
    """The error sentence for a model that cannot be served, fails to load, or fails at its first question."""
    return f"{card.name}: this model cannot be served by transformers ({reason}); {WAY_OUT}"
