"""Reads what people read: the Markdown pages that git tracks, and the English catalogue of sentences."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from markdown_it import MarkdownIt
from markdown_it.token import Token

CATALOGUE = Path("glados_bots/wording/catalogues/en.po")
# Made-up answers of a model, which are wrong on purpose, and a text that lawyers wrote.
LEFT_OUT = ("tests/markdown/golden/*", "LICENSE.md")
MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Passage:
    """A paragraph, a heading or a cell, without code, addresses and pictures; lines end where they end in the file."""

    line: int  # of its beginning, from 1
    text: str
    sentences: bool = True  # headings and cells have none


@dataclass(frozen=True)
class Page:
    """A file, as people read it."""

    name: str  # its path in the repository
    source: str
    passages: list[Passage]
    for_people: bool = False  # those who ask a bot, and know nothing of how it works


def tracked_pages(root: Path) -> list[Page]:
    """Every page that git tracks, and the catalogue if it is there. Raises CalledProcessError outside a repository."""
    names = ["*.md", *(f":(exclude){each}" for each in LEFT_OUT)]
    listed = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "-z", *names], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    pages = [markdown_page(root, Path(name)) for name in listed.split("\0") if (root / name).is_file()]
    return [*pages, catalogue_page(root, CATALOGUE)] if (root / CATALOGUE).is_file() else pages


def markdown_page(root: Path, name: Path) -> Page:
    source = (root / name).read_text(encoding="utf-8")
    return Page(str(name), source, passages(source))


def catalogue_page(root: Path, name: Path) -> Page:
    """A gettext catalogue: each plural form of each sentence, at the line of its msgid."""
    with (root / name).open("rb") as file:
        catalogue = read_po(file, locale="en", abort_invalid=True)
    found = [
        Passage(message.lineno or 1, " ".join(passage.text.split()), passage.sentences)
        for message in catalogue
        if message.id
        for text in _forms(message)
        for passage in passages(text)
    ]
    return Page(str(name), "", found, for_people=True)


def _forms(message: Message) -> Sequence[str]:
    return [message.string] if isinstance(message.string, str) else message.string or []


def passages(markdown: str) -> list[Passage]:
    tokens = MARKDOWN.parse(markdown)
    return [
        Passage(token.map[0] + 1, _words(token), sentences=opening.type == "paragraph_open")
        for opening, token in pairwise(tokens)
        if token.type == "inline" and token.map
    ]


def _words(inline: Token) -> str:
    breaks = {"softbreak", "hardbreak"}
    return "".join(
        "\n" if each.type in breaks else each.content * (each.type == "text") for each in inline.children or []
    )
