"""A sentence for people, as a value: what is said, before it is known who reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from typing import TypeAlias, Union

# What a sentence may hold: text as it is, and what each language writes in its own way. A timedelta is rounded up to
# seconds or minutes; a tuple is a list of things.
Value: TypeAlias = Union[str, int, datetime, timedelta, "Sentence", tuple[Union[str, "Sentence"], ...]]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the catalogue with what it is about. It is false when there is nothing to say."""

    name: str  # in the catalogue
    values: Mapping[str, Value] = field(default_factory=dict)  # by the names of its fields; `count` chooses the plural

    def in_language(self, language: str) -> str:
        """The text for a reader of one of our languages; English where nobody knows the language."""
        from glados_bots.wording.writing import written  # noqa: PLC0415 - errors hold sentences; few are ever read

        return written(self, language) if self.name else ""

    def __bool__(self) -> bool:
        return bool(self.name)

    def __str__(self) -> str:
        """English, for a log."""
        return self.in_language("")


NOTHING = Sentence("")


def say(name: str, /, **values: Value) -> Sentence:
    """The sentence of a name. A test reads all calls and compares them with the catalogue."""
    return Sentence(name, values)


def joined(*sentences: Sentence, by: str = "two-sentences") -> Sentence:
    """Sentences one after the other, without those that say nothing; `by` is `two-lines` or `two-paragraphs`, too."""
    said = [each for each in sentences if each]
    return reduce(lambda first, second: say(by, first=first, second=second), said) if said else NOTHING
