"""What is checked before a model's large files are fetched or read: that the engine serves it, and that it fits."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import hf_hub_download

from glados_bots.errors import ConfigError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files import download, hardware, support
from glados_bots.inference.model_files.before_loading.listing import sizes_on_hub
from glados_bots.inference.model_files.before_loading.texts import (
    TOKENIZER_CONFIG,
    require_template,
    require_tokenizer,
    require_whole,
)
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import read_json
from glados_bots.inference.model_files.presence import hub_snapshot
from glados_bots.inference.model_files.shapes import SHORTEST_WINDOW, Need, in_dtype
from glados_bots.inference.model_files.support import Support

if TYPE_CHECKING:
    from glados_bots.inference.model_files.before_loading.plan import Plan


def refuse_by_hub(card: Card, token: str | None) -> None:
    """Fetch only the config, and raise ConfigError if the engine cannot serve the model."""
    if card.base.hub is None or card.embedding is not None or hub_snapshot(card) is not None:
        return
    try:
        path = download.config_of(card, token)
    except ConfigError:
        return  # the download that follows reports this, or finds the files elsewhere
    support.require(card, read_json(path))
    names = sizes_on_hub(card, token)
    require_tokenizer(card, names)
    if TOKENIZER_CONFIG in names:
        described = hf_hub_download(str(card.base.hub), TOKENIZER_CONFIG, revision=card.base.revision, token=token)
        require_template(card, names, read_json(Path(described)))


def refuse_too_large(card: Card, options: EngineOptions) -> None:
    """Raise ConfigError if the weights and a short conversation exceed this machine's memory."""
    if card.base.gguf:
        return  # the file is here, and so is what it becomes
    from glados_bots.inference.model_files.before_loading.plan import plan  # noqa: PLC0415 - imports torch

    try:
        need = _need(plan(card, options.hf_token), options)
    except ConfigError:
        return  # without figures, fetching or loading reports it
    gpus = [1e9 * size for size in hardware.gpu_memories_gb()]
    main = 1e9 * hardware.memory_gb()
    memory = _memory(gpus, need.weights, several=options.multi_gpu) if gpus else main
    room = need.cache(memory) >= need.conversation if gpus else need.weights <= main
    if not room:
        raise ConfigError(
            f"{card.name}: needs {need.least / 1e9:.0f} GB in {need.precision}, and this machine has "
            f"{_told(gpus, main)}; choose a smaller model, --quantize or --multi-gpu, see "
            f"`glados models plan {card.name}`"
        )


def admitted(card: Card, folder: Path) -> Support:
    """How the engine serves the model in this folder. Raises ConfigError if it cannot, or if files are damaged."""
    found = support.require(card, read_json(folder / "config.json"))
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    require_tokenizer(card, names)
    require_template(card, names, read_json(folder / TOKENIZER_CONFIG))
    require_whole(folder)
    return found


def _need(planned: "Plan", options: EngineOptions) -> Need:
    short = replace(planned, window=min(SHORTEST_WINDOW, planned.window))
    found = {need.precision: need for need in short.needs()}
    if not found:
        raise ConfigError(f"{planned.card.name}: its class is unknown; choose another model")
    return in_dtype(found.get(options.quantize) or next(iter(found.values())), options.dtype)


def _memory(gpus: Sequence[float], weights: float, *, several: bool) -> float:
    """Bytes of one GPU that would leave as much room for the cache. Each of several GPUs holds all of the cache."""
    return min(gpus) + weights * (1 - 1 / len(gpus)) if several else gpus[0]


def _told(gpus: Sequence[float], main: float) -> str:
    sizes = " + ".join(f"{size / 1e9:.0f}" for size in gpus)
    return f"{sizes} GB of GPU memory" if gpus else f"{main / 1e9:.0f} GB of memory"
