"""From the name a person gives to a card; `auto` chooses the best model that fits."""

from pathlib import Path

from pydantic import ValidationError

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import EMBEDDED, Base, Card, load_card, load_cards
from glados_bots.inference.model_files.hardware import gpu_memory_gb
from glados_bots.inference.model_files.presence import fits, presence


def resolve(model: str, *, token: str | None = None) -> tuple[Card, str]:
    """The card a user means, and a sentence why.

    Args:
        model: `auto`, a card's name, a path to a card, a folder of weights or a GGUF file, or a hub id ORG/NAME.
        token: the hub token, without which gated models are not chosen by `auto`.
    """
    cards = load_cards()
    if model == "auto":
        return _choose(cards, token)
    name = model.removeprefix("models/").rstrip("/")
    if name in cards:
        return cards[name], f"{name} is set"
    path = Path(model).expanduser()
    if (path / "model.toml").is_file():
        return load_card(path), f"the card in {path} is set"
    if path.is_dir():
        return Card(name=path.resolve().name, base=Base(folder=path.resolve())), f"the weights in {path} are set"
    if path.is_file():
        if path.suffix != ".gguf":
            raise ConfigError(
                f"{model}: weights must be safetensors in a folder, or one GGUF file; pickles are refused"
            )
        return Card(name=path.stem, base=Base(gguf=path.resolve())), f"{path} is set"
    looks_local = model.startswith((".", "/", "~", "models/")) or model.count("/") != 1
    if looks_local or model.endswith(".gguf"):
        raise ConfigError(f"{model}: no such model or path; the cards are {', '.join(cards)} (see `glados models`)")
    try:
        return Card(name=model, base=Base(hub=model)), f"{model} is taken from the hub"
    except ValidationError:
        raise ConfigError(f"{model}: not a hub id of the form ORG/NAME; the cards are {', '.join(cards)}") from None


def _choose(cards: dict[str, Card], token: str | None) -> tuple[Card, str]:
    """The largest model that is available and fits; without a GPU the embedded one."""
    memory = gpu_memory_gb()
    if memory is None:
        return cards[EMBEDDED], f"{EMBEDDED} was chosen, because there is no GPU"
    for card in sorted(cards.values(), key=lambda card: -(card.memory_gb or 0)):
        unreachable = card.deprecated or (card.gated and not token)
        if not unreachable and presence(card).yes and fits(card).yes:
            return card, f"{card.name} was chosen: the largest available model that fits the GPU's {memory:.0f} GB"
    return cards[EMBEDDED], f"{EMBEDDED} was chosen, because no larger model is available and fits"
