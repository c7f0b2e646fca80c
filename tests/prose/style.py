"""The style of our English, from style.toml, and what in a page is against it."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.prose.pages import Page
from tests.prose.reading_ease import Counts, total

LONGEST_LINE = 120  # columns, as in .editorconfig
FILE = Path(__file__).with_name("style.toml")


@dataclass(frozen=True)
class Style:
    """Floors of the reading ease, and words with better ones."""

    page: float
    overall: float
    words_of_a_page: int
    words: dict[str, str]
    not_for_people: dict[str, str]


def read_style(file: Path = FILE) -> Style:
    """Raises TypeError that names an entry which is missing or too many."""
    entries: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    return Style(**entries.pop("reading_ease"), **entries)


def long_lines(page: Page) -> Iterator[str]:
    for number, line in enumerate(page.source.splitlines(), 1):
        if len(line) > LONGEST_LINE:
            yield f"{page.name}:{number}: {len(line)} columns, {LONGEST_LINE} at most: break it at the end of a word"


def worse_words(page: Page, style: Style) -> Iterator[str]:
    better = style.words | (style.not_for_people if page.for_people else {})
    for word, instead in better.items():
        pattern = re.compile(rf"\b(?:{word})\b".replace(" ", r"\s+"), re.IGNORECASE)
        for passage in page.passages:
            for match in pattern.finditer(passage.text):
                line = passage.line + passage.text.count("\n", 0, match.start())
                yield f'{page.name}:{line}: "{" ".join(match[0].split())}": write instead: {instead}'


def too_hard(counts: dict[str, Counts], style: Style) -> Iterator[str]:
    """Pages below the floor, of those that are long enough to have a figure, and the whole."""
    long = {name: each for name, each in counts.items() if each.words >= style.words_of_a_page}
    yield from (_hard(name, each, style.page) for name, each in long.items() if each.ease < style.page)
    whole = total(counts.values())
    if whole.ease < style.overall:
        yield _hard("all pages", whole, style.overall)


def _hard(name: str, counts: Counts, floor: float) -> str:
    return (
        f"{name}:1: reading ease {counts.ease:.1f}, {floor} at least: write shorter sentences and shorter words"
        f" (now {counts.words / counts.sentences:.1f} words per sentence)"
    )
