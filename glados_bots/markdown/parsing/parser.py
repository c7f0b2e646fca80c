"""Parses markdown to the tree: repair the dialect, let pulldown-cmark read it, and build our blocks from its events."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import pyromark

from glados_bots.markdown.mending.mend import mend, readable
from glados_bots.markdown.parsing.builder import Builder
from glados_bots.markdown.tree import Document, Placed

OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
    | pyromark.Options.ENABLE_FOOTNOTES
    | pyromark.Options.ENABLE_MATH
    | pyromark.Options.ENABLE_GFM
)
_NUMBERS = re.compile(r"\n[ \t>]*(?:[-*+][ \t]+)*(\d{1,9})[.)][ \t\n]")
LinkCallback = Callable[[Any], "tuple[str, str] | None"]


def parse(text: str) -> Document:
    """Parse a whole answer as models write it; docs/markdown.md lists the repairs. Accepts any text.

    The tree's `starts` have no meaning here.
    """
    mended = mend(readable(text)).text
    if _has_odd_numbers(mended):
        return parse_mended(mended)
    builder = Builder(mended)
    builder.read(pyromark.events(mended, options=OPTIONS), are_placed=False)
    return builder.document()


def parse_mended(text: str, on_unknown: LinkCallback | None = None, marks: Iterable[str] = ()) -> Document:
    """Parse repaired text. The tree's `starts` are byte offsets into it.

    `on_unknown` is called for each `[x]` without a definition, and may return (target, title). `marks` are labels of
    footnotes that were marked before this text.
    """
    builder = Builder(text, marks)
    events = pyromark.events_with_range(text, options=OPTIONS, merge_text=True, broken_link_callback=on_unknown)
    builder.read(events, are_placed=True)
    return builder.document()


def locate(text: str) -> tuple[str, list[Placed]]:
    """(a whole answer with line feeds only, its code blocks and tables, placed in characters of that text)."""
    source = readable(text)
    mended = mend(source)
    placed = parse_mended(mended.text).placed
    offsets = [offset for one in placed for offset in (one.start, *one.rows, one.end)]
    places = iter(mended.source_offsets(_in_characters(mended.text, offsets)))
    for one in placed:
        one.start, *one.rows, one.end = (next(places) for _ in range(len(one.rows) + 2))
    return source, placed


def _in_characters(text: str, offsets: list[int]) -> list[int]:
    """Ascending offsets in UTF-8 bytes, in characters."""
    content, found, characters, before = text.encode(), [], 0, 0
    for offset in offsets:
        characters += len(content[before:offset].decode())
        before = offset
        found.append(characters)
    return found


def _has_odd_numbers(text: str) -> bool:
    """Whether a list may not simply count up. Only then do we need the positions of its items, which is slower."""
    before = 0
    for written in _NUMBERS.findall("\n" + text):
        number = int(written)
        if number not in {1, before + 1}:
            return True
        before = number
    return False
