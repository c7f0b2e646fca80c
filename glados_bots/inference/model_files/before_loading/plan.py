"""Plans a model's memory before any download: weights, cache for keys and values, and overhead, by precision.

The figures come from the model's own config, a few kilobytes (on disk, or from the hub). If the config is not
reachable, they come from the card. Sizes are in bytes; tables show GB of 10^9 bytes.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huggingface_hub import errors
from transformers import AutoConfig

from glados_bots.errors import ConfigError, first_line
from glados_bots.inference.model_files import folder_checks
from glados_bots.inference.model_files.before_loading import checkpoint
from glados_bots.inference.model_files.before_loading.counting import shape_of
from glados_bots.inference.model_files.cards import Card, Shape
from glados_bots.inference.model_files.download import config_of
from glados_bots.inference.model_files.shapes import Need, needs, wanted_window, window_of
from glados_bots.inference.model_files.support import Support, supported
from glados_bots.inference.model_files.weights import local_file

log = logging.getLogger(__name__)

# What transformers raises for a config that is no config, or that its own class refuses.
UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, ArithmeticError,
    errors.StrictDataclassError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that `glados models plan` prints."""

    card: Card
    source: str  # where the figures come from
    support: Support | None  # how the transformers engine serves it; None if only the card is here, without a config
    shape: Shape | None  # None: the class is unknown, and nothing can be counted
    window: int  # tokens that the service wants to serve; less memory makes it smaller
    own: str | None = None  # the checkpoint's own quantisation, if any; the operator then has no choice
    note: str = ""  # why the weights are larger in memory than on the hub

    def needs(self) -> Iterator[Need]:
        if self.shape is None or (self.own and self.shape.checkpoint_bytes is None):
            return
        for need in needs(self.shape, self.window):
            yield replace(need, precision=self.own) if self.own and not self.note else need


def plan(card: Card, token: str | None = None, limit: int | None = None, *, here: bool = True) -> Plan:
    """Plan a card. Fetches at most its config and its index.

    Args:
        card: the model's card.
        token: token of the hub.
        limit: GLADOS_CONTEXT_LENGTH.
        here: for this machine's libraries and GPUs; another machine is expected to have what the checkpoint needs.

    Raises:
        ConfigError: neither config nor card has the figures.
    """
    if card.base.gguf:
        config = _config(local_file(card))
        return Plan(card, str(local_file(card)), None, shape_of(config), wanted_window(card, window_of(config), limit))
    try:
        raw, folder = raw_config(card, token)
    except ConfigError as error:
        if card.shape is None:
            raise
        log.info("%s", error)
        found = from_card(card, limit, here=here)
        return replace(found, source=f"{found.source}, because its config is not reachable")
    found = _from_config(card, raw, folder, token, limit)
    return _loaded(found) if here else found


def from_card(card: Card, limit: int | None = None, *, here: bool = True) -> Plan:
    """Plan from the card alone, without its files and without the network. The arguments are those of `plan`."""
    own, source = checkpoint.method_of(card.config), "the card"
    support = supported(card.config) if card.config else None
    found = Plan(card, source, support, card.shape, wanted_window(card, None, limit), own)
    return _loaded(found) if here else found


def _loaded(planned: Plan) -> Plan:
    """The plan with the weights as this machine loads them."""
    if planned.shape is None:
        return planned
    shape, note = checkpoint.as_loaded(planned.shape, planned.own)
    return replace(planned, shape=shape, note=note)


def _from_config(card: Card, raw: Mapping[str, Any], folder: Path, token: str | None, limit: int | None) -> Plan:
    found, source = supported(raw), f"its config ({card.base.hub or folder / 'config.json'})"
    try:
        config = _config(folder / "config.json")
        shape = shape_of(config)
    except ConfigError:
        if found.way is None:
            return Plan(card, source, found, None, 0)
        raise
    own = checkpoint.method_of(raw)
    if own:
        size = checkpoint.size_of(card, folder, token) or (card.shape and card.shape.checkpoint_bytes)
        shape = shape.model_copy(update={"checkpoint_bytes": size})
    return Plan(card, source, found, shape, wanted_window(card, window_of(config), limit), own)


def raw_config(card: Card, token: str | None) -> tuple[dict[str, Any], Path]:
    """(the content of the model's config.json, its folder).

    Raises:
        ConfigError: it is not available, or has links to the outside or too many layers.
    """
    path = config_of(card, token) if card.base.hub else Path(str(card.base.folder)) / "config.json"
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; give the folder of a model")
    folder_checks.require_closed(path.parent)
    raw = folder_checks.read_json(path)
    folder_checks.require_bounded(path, raw)
    return raw, path.parent


def _config(path: Path) -> Any:
    """The model's config as transformers understands it, from a config.json or a GGUF file."""
    try:
        return AutoConfig.from_pretrained(path.parent, **({"gguf_file": path.name} if path.suffix == ".gguf" else {}))
    except UNREADABLE as error:
        raise ConfigError(
            f"{path}: cannot read this file ({first_line(error)}); fetch it again, or update transformers"
        ) from error
