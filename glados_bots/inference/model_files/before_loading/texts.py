"""Checks the small files beside the weights: a tokenizer that transformers reads, a chat template, whole shards."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Card

TEKKEN = "tekken.json"
TOKENIZERS = {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model"}
TEMPLATES = {"chat_template.jinja", "chat_template.json"}
TOKENIZER_CONFIG = "tokenizer_config.json"


def require_tokenizer(card: Card, names: Collection[str]) -> None:
    """Raise ConfigError if the only tokenizer is one that transformers does not read.

    Args:
        card: the model's card, for the error.
        names: the files of the repository or of the folder.
    """
    if TEKKEN in names and not TOKENIZERS & set(names):
        raise ConfigError(
            f"{card.name}: its only tokenizer is {TEKKEN}, which transformers does not read; choose a repository of "
            "this model that has a tokenizer.json"
        )


def require_template(card: Card, names: Collection[str], tokenizer: Mapping[str, Any]) -> None:
    """Raise ConfigError if the card wants the model's chat template and there is none.

    Args:
        card: the model's card.
        names: the files of the repository or of the folder.
        tokenizer: the content of tokenizer_config.json.
    """
    if card.prompt_format != "chat_template" or tokenizer.get("chat_template") or TEMPLATES & set(names):
        return
    if not any(name.startswith("additional_chat_templates/") for name in names):
        raise ConfigError(
            f"{card.name}: this model has no chat template, so it may be no chat model; choose its instruct version, "
            'or write a card with prompt_format = "glados"'
        )


def require_whole(folder: Path) -> None:
    """Raise ConfigError if a file of weights is shorter or longer than its own header says. Reads only headers."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "np"):
                pass
        except (SafetensorError, OSError) as error:
            raise ConfigError(f"{path}: cut short or damaged ({error}); fetch it again") from error
