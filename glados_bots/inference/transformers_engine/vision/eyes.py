"""The eyes of one model: what of a picture stands in a prompt, and the tensors that its forward pass takes."""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from glados_bots.conversation import Message, Picture
from glados_bots.errors import EngineError, first_line
from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.folder_checks import read_json
from glados_bots.inference.pictures import decoding
from glados_bots.inference.pictures.bounds import MOST_TOKENS
from glados_bots.inference.prompts.encoding import Encoder
from glados_bots.inference.transformers_engine.vision.families import FAMILIES, Family

log = logging.getLogger(__name__)

REMEMBERED = 1_000  # pictures whose text in a prompt is kept, so that a follow-up question need not decode them
MORE_TOKENS = 1.1  # a line of patches of Mistral 3 ends with a token of its own


class BlindError(Exception):
    """The model cannot be shown pictures. The text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture in a prompt."""

    picture: Picture
    digest: int  # of its file; beyond all token ids
    text: str  # what stands for it in the prompt
    count: int  # tokens that the vision tower fills
    grid: Any  # Qwen-VL: patches in time, height and width; shape (1, 3); else None


class Eyes:
    """Looks at pictures. Several threads may call its methods.

    Args:
        family: of the model.
        config: the model's whole config.
        encoder: of the model.
        processor: the library's image processor.
    """

    def __init__(self, family: Family, config: Any, encoder: Encoder, processor: Any) -> None:
        self._family = family
        self._config = config
        self._tokenizer = encoder.tokenizer
        self._processor = processor
        self._known: OrderedDict[int, tuple[str, Any]] = OrderedDict()
        self.placeholder = family.placeholder(config, encoder.tokenizer)
        self.token: int = config.image_token_id
        self.types = family.types

    def look(self, messages: Sequence[Message]) -> list[Seen]:
        """All pictures of a conversation, in order. Raises PictureRefusedError."""
        return [self._seen(picture) for message in messages for picture in message.pictures]

    def tensors(self, picture: Picture) -> dict[str, Any]:
        """What the forward pass takes beside the tokens. Blocks. Raises PictureRefusedError."""
        return {name: value for name, value in self._processed(decoding.pixels(picture)).items() if name in TAKEN}

    def _seen(self, picture: Picture) -> Seen:
        digest = int.from_bytes(hashlib.blake2b(picture.data.encode(), digest_size=16).digest()) | 1 << 128
        known = self._known.get(digest)
        if known is None:
            output = self._processed(decoding.pixels(picture))
            known = self._known[digest] = self._text(output), output.get("image_grid_thw")
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        text, grid = known
        return Seen(picture, digest, text, text.count(self._tokenizer.convert_ids_to_tokens(self.token)), grid)

    def _processed(self, image: Image.Image) -> Mapping[str, Any]:
        return dict(self._processor([image], return_tensors="pt"))

    def _text(self, output: Mapping[str, Any]) -> str:
        return self._family.shown(self._config, self._tokenizer, output)

    def try_out(self) -> None:
        """Look at a gray picture. Raises ValueError if it takes no tokens or too many, or what the processor raises."""
        text = self._text(self._processed(decoding.pixels(decoding.gray())))
        count = len(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        if not 0 < count <= MOST_TOKENS * MORE_TOKENS:
            raise ValueError(f"a small picture takes {count} tokens")


TAKEN = ("pixel_values", "image_grid_thw", "image_sizes", "image_position_ids")


def opened_eyes(folder: Path, card: Card, model: Any, encoder: Encoder) -> Eyes | None:
    """The eyes of a model with vision. If they do not work, the log says why, and the model reads text only."""
    if not hasattr(model.config, "vision_config"):
        return None
    try:
        return eyes_of(folder, model, encoder)
    except BlindError as blind:
        log.warning("%s sees no pictures here: %s", card.name, blind)
        return None


def eyes_of(folder: Path, model: Any, encoder: Encoder) -> Eyes:
    """The eyes of a loaded model. Raises BlindError with the reason if it has none that work here."""
    config = model.config
    family = FAMILIES.get(config.model_type)
    if family is None or "ForCausalLM" in type(model).__name__ or not hasattr(config, "vision_config"):
        raise BlindError(f"pictures for the class {type(model).__name__} are not supported")
    try:
        eyes = Eyes(family, config, encoder, family.made(config, _files(folder)))
        eyes.try_out()
        encoder.require_pictures(eyes.placeholder, encoder.tokenizer.convert_ids_to_tokens(eyes.token))
    except (EngineError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, ImportError, OSError,
            RuntimeError) as error:  # fmt: skip # a stranger's values may break the processor anywhere
        raise BlindError(f"its files for pictures cannot be used: {first_line(error)}") from error
    return eyes


def _files(folder: Path) -> Mapping[str, Any]:
    """What the model's files say about pictures. Raises ValueError if they say nothing."""
    inside = read_json(folder / "processor_config.json").get("image_processor")
    found = inside if isinstance(inside, dict) else read_json(folder / "preprocessor_config.json")
    if not found:
        raise ValueError("preprocessor_config.json is missing")
    return found


def places(seen: Sequence[Seen], prompt: Sequence[int], token: int) -> list[tuple[int, int]]:
    """Where each picture begins and ends in a prompt."""
    filled = [place for place, one in enumerate(prompt) if one == token]
    found: list[tuple[int, int]] = []
    for one in seen:
        mine, filled = filled[: one.count], filled[one.count :]
        found.append((mine[0], mine[-1] + 1))
    return found


def grids(seen: Sequence[Seen]) -> Any:
    """The grids of all pictures, shape (pictures, 3); None for a family without grids."""
    return torch.cat([one.grid for one in seen]) if seen and seen[0].grid is not None else None
