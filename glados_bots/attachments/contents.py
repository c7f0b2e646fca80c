"""What was read of one file, as plain data that Redis can keep."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from glados_bots.conversation import Picture
from glados_bots.wording.sentence import NOTHING, Sentence


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read of one file: words, pictures, both, or the reason why neither."""

    sha256: str = ""  # of the whole file, hexadecimal; empty if it was not fetched
    text: str = ""  # its words, as markdown or as they are
    pictures: tuple[Picture, ...] = ()  # the picture itself, or the pages of a scan
    partly: Sentence = NOTHING  # what was read, if that is not everything: "pages 1 to 50 of 300"
    refusal: Sentence = NOTHING  # why nothing was read; then there are neither words nor pictures

    def to_json(self) -> str:
        """JSON of all fields. The values of a sentence must be text, numbers or sentences."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, data: str) -> "Contents":
        """The inverse of `to_json`."""
        found = cls(**json.loads(data))
        pictures = tuple(Picture(**one) for one in found.pictures)  # type: ignore[arg-type]
        return replace(found, pictures=pictures, partly=_sentence(found.partly), refusal=_sentence(found.refusal))


def refused(why: Sentence) -> Contents:
    """The contents of a file that could not be read."""
    return Contents(refusal=why)


def readable(kept: Mapping[str, str]) -> dict[str, Contents]:
    """Contents from JSON, without those that another version of GLaDOS wrote in another form."""
    found = {}
    for name, data in kept.items():
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            found[name] = Contents.from_json(data)
    return found


def name_of(content: bytes) -> str:
    """The name of a file's bytes: the same bytes have the same name."""
    return hashlib.sha256(content).hexdigest()


def _sentence(data: Any) -> Sentence:
    values = {name: _sentence(value) if isinstance(value, dict) else value for name, value in data["values"].items()}
    return Sentence(data["name"], values)
