"""Finds the card for a name that a person gives; `auto` chooses the best that fits."""

from pathlib import Path

from pydantic import ValidationError

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.auto.choice import Choice
from glados_bots.inference.model_files.auto.choose import choose as choose_best
from glados_bots.inference.model_files.auto.choose import fetch_bytes
from glados_bots.inference.model_files.auto.reach import Hub
from glados_bots.inference.model_files.cards import Base, Card, all_cards, load_card
from glados_bots.inference.model_files.hardware import this_machine
from glados_bots.inference.settings import ServeSettings
from glados_bots.settings import load

AUTO = "auto"
TOLD = "_GLADOS_TOLD"  # a variable: lines about the choice that `up` has printed, and `serve` need not repeat


def choose(settings: ServeSettings, *, asks_hub: bool = False) -> Choice:
    """The model to serve on this machine, and how.

    Args:
        settings: the operator's; GLADOS_MODEL may name a model.
        asks_hub: `auto` asks the hub for a few seconds whether it has the files; else it counts as reachable.
    """
    if settings.model == AUTO:
        return choose_best(settings, hub=Hub(settings.hub_token) if asks_hub else None)
    card, reason = resolve(settings.model)
    require_chat(card)
    remarks = this_machine(settings.engine).remarks
    return Choice(card, reason, settings.quantize, bool(settings.multi_gpu), fetch_bytes(card), remarks=remarks)


def require_chat(card: Card) -> None:
    """Raise ConfigError if the card is that of an embedding model."""
    if card.embedding is not None:
        raise ConfigError(
            f"{card.name}: this model embeds, and does not chat; name it with --embedding (GLADOS_EMBEDDING_MODEL) "
            "beside a chat model"
        )


def resolve(model: str, *, token: str | None = None) -> tuple[Card, str]:
    """The card that a user means, and a sentence that says why.

    Args:
        model: `auto`, a card's name, a path to a card, a folder of weights or a GGUF file, or a hub id ORG/NAME.
        token: the hub token; without it, `auto` does not choose gated models.
    """
    if model == AUTO:
        choice = choose_best(load(ServeSettings, hf_token=token))
        return choice.card, choice.reason
    cards = all_cards()
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
