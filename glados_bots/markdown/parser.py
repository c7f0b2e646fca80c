"""Markdown text to tree: mend the dialect, let pulldown-cmark read it, and build our blocks from its events."""

from collections.abc import Callable, Iterable
from typing import Any

import pyromark

from glados_bots.markdown.builder import Builder
from glados_bots.markdown.mend import mend, readable
from glados_bots.markdown.tree import Document

OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
    | pyromark.Options.ENABLE_FOOTNOTES
    | pyromark.Options.ENABLE_MATH
    | pyromark.Options.ENABLE_GFM
)
LinkCallback = Callable[[Any], "tuple[str, str] | None"]


def parse(text: str) -> Document:
    """Read a whole answer.

    Args:
        text: markdown as models write it (GFM, see `docs/markdown.md` for what is mended).

    Returns:
        The tree; its `starts` are those of the mended text. Any text can be read; there is no error.
    """
    return parse_mended(mend(readable(text)).text)


def parse_mended(text: str, on_unknown: LinkCallback | None = None, marks: Iterable[str] = ()) -> Document:
    """Read text that went through `mend` already.

    Args:
        text: the mended source.
        on_unknown: told of each `[x]` without a definition; it may answer with a target and a title.
        marks: footnotes marked before this text begins.

    Returns:
        The tree; `starts` are byte offsets into `text`.
    """
    builder = Builder(text, marks)
    builder.read(pyromark.events_with_range(text, options=OPTIONS, merge_text=True, broken_link_callback=on_unknown))
    return builder.document()
