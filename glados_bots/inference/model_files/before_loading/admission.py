"""What is checked before a model's large files are fetched or read: that the engine serves it, and that it fits."""

from dataclasses import replace
from pathlib import Path

from glados_bots.errors import ConfigError
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.model_files import download, hardware, support
from glados_bots.inference.model_files.before_loading.plan import Plan, plan
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import read_json
from glados_bots.inference.model_files.presence import hub_snapshot
from glados_bots.inference.model_files.shapes import SHORTEST_WINDOW, Need
from glados_bots.inference.model_files.support import Support


def refuse_by_hub(card: Card, token: str | None) -> None:
    """Fetch only the config, and raise ConfigError if the engine cannot serve the model."""
    if card.base.hub is None or hub_snapshot(card) is not None:
        return
    try:
        path = download.config_of(card, token)
    except ConfigError:
        return  # the download that follows reports this, or finds the files elsewhere
    support.require(card, read_json(path))


def refuse_too_large(card: Card, options: EngineOptions) -> None:
    """Raise ConfigError if the weights and a short conversation exceed this machine's memory."""
    if card.base.gguf:
        return  # the file is here, and so is what it becomes
    try:
        need = _need(plan(card, options.hf_token), options.quantize)
    except ConfigError:
        return  # without figures, fetching or loading reports it
    gpus = hardware.gpu_memories_gb()
    memory = 1e9 * ((sum if options.multi_gpu else max)(gpus) if gpus else hardware.memory_gb())
    room = need.cache(memory) >= need.conversation if gpus else need.weights <= memory
    if not room:
        raise ConfigError(
            f"{card.name}: needs {need.least / 1e9:.0f} GB in {need.precision}, and this machine has "
            f"{memory / 1e9:.0f} GB of {'GPU memory' if gpus else 'memory'}; choose a smaller model or --quantize, see "
            f"`glados models plan {card.name}`"
        )


def admitted(card: Card, folder: Path) -> Support:
    """How the engine serves the model in this folder. Raises ConfigError if it cannot."""
    return support.require(card, read_json(folder / "config.json"))


def _need(planned: Plan, precision: str) -> Need:
    short = replace(planned, window=min(SHORTEST_WINDOW, planned.window))
    found = {need.precision: need for need in short.needs()}
    if not found:
        raise ConfigError(f"{planned.card.name}: its class is unknown; choose another model")
    return found.get(precision) or next(iter(found.values()))
