"""Model cards: what a model is, where its files are, how to prompt it. Each card is a model.toml in its own folder.

This module does not import torch: listing models must be quick, and must work on a machine that runs no model.
"""

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from glados_bots.errors import ConfigError
from glados_bots.inference.settings import ServeSettings
from glados_bots.settings import load

EMBEDDED = "smollm2_135m"
GLADOS = ("glados_redpajama7b_base", "glados_together_20b", "glados_starcoder", "neox_20b_full")  # the models of 2023
BUILT_IN = (EMBEDDED, *GLADOS)
NAME = re.compile(r"[\w.-]{1,64}")


ThinkingLevel = Literal["on", "off", "low", "high"]


class CardPart(BaseModel):
    """Base of all parts of a card: an unknown key is an error, not a silent default."""

    # Built when the first card is read: the command line imports this module without reading cards.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Base(CardPart):
    """Where the weights are: a hub id, a local folder, a GGUF file, or a file inside an installed wheel."""

    hub: str | None = Field(None, pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str | None = None
    folder: Path | None = None
    gguf: Path | None = None
    zip: Path | None = None  # of a folder of weights
    wheel: str | None = Field(None, pattern=r"^[A-Za-z]\w*$")  # no dot: find_spec("a.b") would import `a`
    package: str = Field("", pattern=r"^[\w.=-]*$")  # the wheel's name for pip, if it is not the module's

    @model_validator(mode="after")
    def _one_place(self) -> "Base":
        if sum(place is not None for place in (self.hub, self.folder, self.gguf, self.zip)) != 1:
            raise ValueError("give exactly one of hub, folder, gguf and zip")
        if self.wheel and (self.file is None or self.file.is_absolute() or ".." in self.file.parts):
            raise ValueError("a wheel needs gguf or zip, the path of a file inside the wheel")
        return self

    @property
    def file(self) -> Path | None:
        """The one file that holds the weights; inside the wheel, if there is one."""
        return self.gguf or self.zip

    @property
    def pip_name(self) -> str:
        """The wheel's name for pip."""
        return self.package or str(self.wheel).replace("_", "-")


class SamplingDefaults(CardPart):
    """The settings with which this model answers best; see `Sampling` for those that a request may change."""

    temperature: float = Field(0.7, ge=0, le=5)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0, le=100_000)
    repetition_penalty: float = Field(1.0, ge=0.5, le=2)
    no_repeat_ngram_size: int = Field(0, ge=0, le=20)


class Cache(CardPart):
    """The keys and values of attention layers that are alike."""

    layers: int = Field(ge=1)
    values: int = Field(ge=1)  # numbers per token and layer: those of the key and of the value, over all their heads
    window: int | None = Field(None, ge=1)  # most tokens that these layers keep; None: all


class Shape(CardPart):
    """Figures for the memory plan, known without the model's own config; see shapes.py."""

    parameters: int = Field(ge=1)  # number of all weights
    # Weights of the token embeddings and the head, which quantisation leaves as they are
    embedding_parameters: int = Field(0, ge=0)
    # Weights of experts that transformers keeps in one tensor per layer, which quantisation leaves as they are
    expert_parameters: int = Field(0, ge=0)
    active_parameters: int | None = Field(None, ge=1)  # weights that one token needs; None: all
    caches: tuple[Cache, ...] = ()  # empty: no layer has attention
    state_bytes: int = Field(0, ge=0)  # memory per conversation that does not grow with it: linear attention, Mamba
    checkpoint_bytes: int | None = Field(None, ge=1)  # size of weights that are quantised on the hub already

    def cache_bytes(self, tokens: int) -> int:
        """Bytes of the cache of one conversation of this many tokens, in bfloat16."""
        kept = (cache.layers * cache.values * min(tokens, cache.window or tokens) for cache in self.caches)
        return 2 * sum(kept) + self.state_bytes


class Embedding(CardPart):
    """How a model makes a vector of a text. What is None here is found in the modules beside the weights."""

    dimensions: int = Field(ge=1)  # numbers of a vector
    # Vectors may be cut to this many numbers and more, since the model was trained for it (Matryoshka); None: never
    least_dimensions: int | None = Field(None, ge=1)
    # Which tokens' states become the vector: the first one's, the last one's, or all in the mean
    pooling: Literal["cls", "lasttoken", "mean"] | None = None
    normalised: bool | None = None  # every vector has length 1
    query_prefix: str | None = None  # stands before the text of a query
    document_prefix: str | None = None  # stands before a text that queries are to find


class Card(CardPart):
    """One model."""

    name: str
    home: Path | None = None
    title: str = ""
    parameters: str = "?"
    licence: str = "?"
    licence_note: str = ""  # what the licence requires of the model's users, if anything
    licence_url: str = ""  # where to read the licence
    good_at: str = ""
    shape: Shape | None = None  # figures for `glados models plan`, and for what fits
    # The keys of the model's own config.json that decide its class, shape and engine, for use without network
    config: dict[str, Any] = Field(default_factory=dict)
    embedding: Embedding | None = None  # the model makes vectors of texts, and does not chat
    vision: bool = False  # the model can look at pictures
    tools: bool = False  # the model's template describes tools, and the model was trained to call them
    # What the chat template is told for each level of thinking, such as {"off": {"enable_thinking": False}}
    thinking: dict[ThinkingLevel, dict[str, Any]] = Field(default_factory=dict)
    # Maximum tokens of prompt and answer together; None: as the model's config says
    context_length: Annotated[int, Field(ge=64, le=10_000_000)] | None = None
    max_answer_tokens: int | None = Field(None, ge=1)  # None: the rest of the window
    # The model's own chat template, or the format of the first GLaDOS
    prompt_format: Literal["chat_template", "glados"] = "chat_template"
    stop: tuple[str, ...] = ()  # strings that end an answer
    bad_words: tuple[str, ...] = ()  # strings the model must never say
    base: Base
    lora: Path | None = None  # folder of a peft LoRA, relative to the card; the card's name then means base and LoRA
    # Additional LoRAs on the same base, by the model names under which they are served
    loras: dict[Annotated[str, Field(pattern=rf"^{NAME.pattern}$")], Path] = Field(default_factory=dict)
    # The strings that open and close the model's reasoning before the answer, or the format of gpt-oss; None: the
    # known marks that the tokenizer has
    reasoning: (
        tuple[Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]] | Literal["harmony"] | None
    ) = None
    deprecated: bool = False  # still served, but `auto` never chooses it
    use_instead: str = ""  # the card to use instead
    gated: bool = False  # the hub requires a token and acceptance of the licence
    sampling: SamplingDefaults = SamplingDefaults()

    @property
    def base_name(self) -> str:
        return self.base.hub or str(self.base.wheel or self.base.folder or self.base.file)

    @property
    def lora_folder(self) -> Path | None:
        return None if self.lora is None else (self.home or Path()) / self.lora

    @property
    def lora_folders(self) -> dict[str, Path]:
        return {name: (self.home or Path()) / path for name, path in self.loras.items()}


def models_folder() -> Path:
    """The folder of the built-in cards: in this checkout, or in the installed package."""
    checkout = Path(__file__).parents[3] / "models"
    return checkout if checkout.is_dir() else Path(str(resources.files("glados_bots") / "models"))


def own_folder() -> Path:
    """The folder for new cards and LoRAs, also searched first: GLADOS_MODELS_DIR, else that of the built-in cards."""
    return load(ServeSettings).models_dir or models_folder()


def load_card(folder: Path) -> Card:
    """Read one card. Raises ConfigError that names the file, the wrong key and the allowed values."""
    path = folder / "model.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return Card(**data, name=folder.resolve().name, home=folder.resolve())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot read this file ({error}); correct it") from error
    except (ValidationError, TypeError) as error:
        raise ConfigError(f"{path}: {_explain(error)}; see docs/models.md") from None


def _explain(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return "the folder determines name and home; remove these keys"
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "card"
    parts: dict[str, type[CardPart]] = {"base": Base, "sampling": SamplingDefaults, "embedding": Embedding}
    fields = parts.get(key.partition(".")[0], Card).model_fields
    allowed = [name for name in fields if name not in {"name", "home"}]
    hint = f"; keys are {', '.join(allowed)}" if first["type"] == "extra_forbidden" else ""
    return f"{key}: {first['msg']}{hint}"


def load_cards() -> dict[str, Card]:
    """The cards of chat models by name, the embedded model first. See `all_cards`."""
    return {name: card for name, card in all_cards().items() if card.embedding is None}


def embedding_cards() -> dict[str, Card]:
    """The cards of embedding models by name, the smallest first."""
    found = [card for card in all_cards().values() if card.embedding]
    return {card.name: card for card in sorted(found, key=lambda card: card.shape.parameters if card.shape else 0)}


def all_cards() -> dict[str, Card]:
    """All cards by name, the embedded model first. An operator's own card hides a built-in card of the same name."""
    folders = {path.parent.name: path.parent for place in (models_folder(), own_folder()) for path in _cards_in(place)}
    cards = [load_card(folder) for _, folder in sorted(folders.items())]
    return {card.name: card for card in sorted(cards, key=lambda card: (card.name != EMBEDDED, card.deprecated))}


def _cards_in(place: Path) -> list[Path]:
    return sorted(place.glob("*/model.toml"))
