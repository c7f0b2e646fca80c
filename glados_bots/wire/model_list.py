"""The models of an OpenAI-compatible server: which of them can chat, and their windows in tokens."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glados_bots.wire.abilities import LONGEST_NAME, can_chat, sees
from glados_bots.wire.events import LEVELS
from glados_bots.wire.own_lists import by_name
from glados_bots.wire.refusals import count

# Names for the tokens of prompt and answer together: vLLM, llama.cpp, LM Studio, OpenRouter and Together, Groq.
WINDOWS = (
    "max_model_len",
    "n_ctx",
    "loaded_context_length",
    "context_length",
    "context_window",
    "max_context_length",
)


@dataclass(frozen=True, slots=True)
class Useful:
    """What our service could serve instead of a model that is only for trying GLaDOS."""

    command: str  # what the operator types
    tokens_per_second: int


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that the endpoint serves. The context length, in tokens, is None if the endpoint does not tell it."""

    id: str
    context_length: int | None
    useful: Useful | None = None
    sees: bool | None = None  # pictures; None if the endpoint does not tell it
    thinking_levels: tuple[str, ...] | None = None  # that the model knows; None if the endpoint does not tell them

    @property
    def is_described(self) -> bool:
        """Whether its list says more than names. Our service always does."""
        return self.sees is not None or self.thinking_levels is not None


def read(content: bytes, described: Mapping[str, dict[str, Any]] | None = None) -> list[ModelInfo]:
    """The models of a response that can chat, or all of them if none seems to. Models without a name are skipped.

    Together sends a bare list. llama.cpp sends a second one with more details.

    Args:
        content: the body of the response.
        described: what another list says of the models, by name.

    Raises:
        ValueError, TypeError, KeyError, AttributeError, RecursionError: the response is no list of models.
    """
    data = json.loads(content)
    models = data if data and isinstance(data, list) else data["data"]
    more = {**(described or {}), **(by_name(data.get("models")) if isinstance(data, dict) else {})}
    named = [more.get(str(model["id"]), {}) | model for model in models if isinstance(model, dict) and model.get("id")]
    if models and not named:
        raise ValueError("no entry of the list has an id")
    found = [(_info(model), can_chat(model)) for model in named]
    return [model for model, chats in found if chats] or [model for model, _ in found]


def in_order(listed: Sequence[ModelInfo], named: str, context: int | None) -> list[ModelInfo]:
    """The models, the operator's default first. `context` replaces a length that the endpoint does not tell."""
    known = [replace(model, context_length=model.context_length or context) for model in listed]
    if not named:
        return known
    default = next((model for model in known if model.id == named), ModelInfo(named, context))
    return [default, *(model for model in known if model.id != named)]


def _window(model: dict[str, Any]) -> int | None:
    """The context length in tokens; None if the list does not tell it. llama.cpp tells it in `meta`."""
    meta = model.get("meta")
    places = (model, meta if isinstance(meta, dict) else {})
    return next((found for name in WINDOWS for place in places if (found := count(place.get(name)))), None)


def _info(model: dict[str, Any]) -> ModelInfo:
    return ModelInfo(str(model["id"]), _window(model), _useful(model), sees(model), _levels(model))


def _useful(model: dict[str, Any]) -> Useful | None:
    """The better model that our own service names; None from other servers."""
    told = model.get("useful")
    if not isinstance(told, dict):
        return None
    speed = count(told.get("tokens_per_second"))
    return Useful(str(told["command"])[:LONGEST_NAME], speed) if speed and told.get("command") else None


def _levels(model: dict[str, Any]) -> tuple[str, ...] | None:
    told = model.get("thinking_levels")
    return tuple(level for level in LEVELS if level in told) if isinstance(told, list) else None
