"""Checks that the weights which transformers has loaded are those that the config describes.

transformers gives random values to weights that are missing, and leaves out those for which the config has no place. It
only warns about both.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from glados_bots.errors import ConfigError
from glados_bots.inference.model_files.cards import Card

NUMBER = re.compile(r"\d+")


def require_all_weights(card: Card, model: Any, info: Mapping[str, Collection[Any]]) -> None:
    """Raise ConfigError if weights are missing, have other sizes, or are those of layers that the config leaves out.

    Args:
        card: the model's card, for the error.
        model: the loaded model.
        info: what `from_pretrained` returns with `output_loading_info`.
    """
    known = {NUMBER.sub("#", name) for name in model.state_dict()}
    faults = {
        "are missing": info["missing_keys"],
        "have other sizes": [key[0] if isinstance(key, tuple) else key for key in info["mismatched_keys"]],
        "have no place": [] if _predicts_ahead(model) else _more(known, info["unexpected_keys"]),
    }
    for fault, names in faults.items():
        if names:
            first = min(map(str, names))
            raise ConfigError(
                f"{card.name}: its weights are not those of its config ({len(names)} {fault}, such as {first}); fetch "
                "the model again, or choose another"
            )


def _more(known: Collection[str], unexpected: Collection[str]) -> list[str]:
    """The weights of further layers or experts of a kind that the model has."""
    return [name for name in unexpected if NUMBER.search(name) and NUMBER.sub("#", name) in known]


def _predicts_ahead(model: Any) -> bool:
    """Whether the checkpoint may have layers that guess several tokens at once, which transformers leaves out."""
    config = model.config.get_text_config()
    return bool(getattr(config, "num_nextn_predict_layers", 0) or getattr(config, "mtp_num_hidden_layers", 0))
