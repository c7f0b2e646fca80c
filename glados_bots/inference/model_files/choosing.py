"""Finds the card for a name that a person gives; `auto` chooses the largest model that fits."""

from pathlib import Path

from pydantic import ValidationError

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import EMBEDDED, Base, Card, load_card, load_cards
from glados_bots.inference.model_files.hardware import gpu_memory_gb
from glados_bots.inference.model_files.presence import fits, presence


def resolve(model: str, *, token: str | None = None) -> tuple[Card, str]:
    """The card that a user means, and a sentence that says why.

    Args:
        model: `auto`, a card's name, a path to a card, a folder of weights or a GGUF file, or a hub id ORG/NAME.
        token: the hub token; without it, `auto` does not choose gated models.
    """
    cards = load_cards()
    if model == "auto":
        return _choose(cards, token)
    name = model.removeprefix("models/").rstrip("/")
    if name in cards:
        return cards[name], f"{name}, as configured"
    path = Path(model).expanduser()
    if (path / "model.toml").is_file():
        return load_card(path), f"the card in {path}, as configured"
    if path.is_dir():
        return Card(name=path.resolve().name, base=Base(folder=path.resolve())), f"the weights in {path}, as configured"
    if path.is_file():
        if path.suffix != ".gguf":
            raise ConfigError(f"{model}: give a folder with safetensors, or one GGUF file; GLaDOS never loads pickles")
        return Card(name=path.stem, base=Base(gguf=path.resolve())), f"{path}, as configured"
    looks_local = model.startswith((".", "/", "~", "models/")) or model.count("/") != 1
    if looks_local or model.endswith(".gguf"):
        raise ConfigError(f"{model}: no such model or path; the cards are {', '.join(cards)} (see `glados models`)")
    try:
        return Card(name=model, base=Base(hub=model)), f"{model}, from the hub"
    except ValidationError:
        raise ConfigError(f"{model}: not a hub id of the form ORG/NAME; the cards are {', '.join(cards)}") from None


def _choose(cards: dict[str, Card], token: str | None) -> tuple[Card, str]:
    """The largest model that is available and fits; without a GPU, the embedded model."""
    memory = gpu_memory_gb()
    if memory is None:
        return cards[EMBEDDED], f"{EMBEDDED}, because this machine has no GPU"
    for card in sorted(cards.values(), key=lambda card: -(card.shape.parameters if card.shape else 0)):
        unreachable = card.deprecated or (card.gated and not token)
        if not unreachable and presence(card).yes and fits(card).yes:
            return card, f"{card.name}, the largest available model that fits the GPU's {memory:.0f} GB"
    return cards[EMBEDDED], f"{EMBEDDED}, because no larger model is available and fits the GPU"
