"""Finds the card of the embedding model that the operator names. Without torch."""

import logging

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Card, embedding_cards
from glados_bots.inference.model_files.choosing import AUTO, resolve
from glados_bots.inference.model_files.presence import local_folder, presence
from glados_bots.inference.settings import ServeSettings

log = logging.getLogger(__name__)

MODULES = "modules.json"  # of sentence-transformers, beside the weights


def chosen(settings: ServeSettings) -> Card | None:
    """The card of the embedding model; None if the operator wants none.

    Raises:
        ConfigError: there is no such model, it chats, or it can be neither found nor fetched.
    """
    name = settings.embedding_model
    if not name:
        return None
    known = ", ".join(embedding_cards())
    if name == AUTO:
        raise ConfigError(f"GLADOS_EMBEDDING_MODEL={name}: name the model, such as one of {known}")
    card, _ = resolve(name)
    if card.home is not None and card.embedding is None:
        raise ConfigError(
            f"GLADOS_EMBEDDING_MODEL={name}: this model chats; choose an embedding model, such as {known}"
        )
    here = presence(card)
    if not here.yes:
        raise ConfigError(f"GLADOS_EMBEDDING_MODEL={name}: {here.reason}; see docs/api/embeddings.md")
    return card


def embeds(card: Card) -> bool:
    """Whether this is an embedding model: its card says so, or the files on this machine if it has no card."""
    folder = local_folder(card)
    return card.embedding is not None or bool(folder and (folder / MODULES).is_file())
