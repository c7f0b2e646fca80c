"""A sentence for people as a value, before anybody knows who will read it, and in which language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from typing import TypeAlias, Union

# The types of a sentence's fields. Text stays as it is, and each language has its own way to write the others. A
# timedelta is rounded up to seconds or minutes; a tuple becomes a list of things.
Value: TypeAlias = Union[str, int, datetime, timedelta, "Sentence", tuple[Union[str, "Sentence"], ...]]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the catalogue and the values of its fields. It is false when there is nothing to say."""

    name: str  # its name in the catalogue
    values: Mapping[str, Value] = field(default_factory=dict)  # by field name; `count` chooses the plural form

    def in_language(self, language: str) -> str:
        """The text in one of our languages, or in English if the language is not known."""
        from glados_bots.wording.writing import written  # noqa: PLC0415 - errors hold sentences, and few are ever shown

        return written(self, language) if self.name else ""

    def __bool__(self) -> bool:
        return bool(self.name)

    def __str__(self) -> str:
        """The English text, for logs."""
        return self.in_language("")


NOTHING = Sentence("")


def say(name: str, /, **values: Value) -> Sentence:
    """Make the sentence with this name. A test compares all calls with the catalogue."""
    return Sentence(name, values)


def joined(*sentences: Sentence, by: str = "two-sentences") -> Sentence:
    """Join sentences, without empty ones. `by` may also be `two-lines` or `two-paragraphs`."""
    said = [each for each in sentences if each]
    return reduce(lambda first, second: say(by, first=first, second=second), said) if said else NOTHING
