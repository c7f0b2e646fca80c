"""Repairs of text that begins with `<`: which lines are blocks of raw HTML, and what is not an address.

A line such as `<answer>` or `<div> is a block` begins a paragraph, so that the markdown after it is read. A type that
looks like an address (`<std::string>`) is text. Slack's `<https://example.com|label>` is a link.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property, lru_cache

from glados_bots.markdown.fences import Edit, fenced
from glados_bots.markdown.marks import END_OF_LINK, LINK, SENTINEL
from glados_bots.markdown.tags import begins_block, is_html

_LINE = re.compile(
    r"(?P<prefix>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)"
    r"(?P<tag></?(?P<name>[A-Za-z][A-Za-z0-9-]*)(?=[\s/>]|\Z)|<!--|<\?)(?P<rest>[^\n]*)"
)
_CLOSER = re.compile(r"</([A-Za-z][A-Za-z0-9-]*)")
_BLANK_LINE = re.compile(r"\n[ \t]*(?=\n)")
# The rest of a line without words, after a tag's name: the end of the tag, unless on a later line, and other tags.
_ALONE = re.compile(r"[^<>\n]*(?:>(?:[ \t]*</?[A-Za-z][^<>\n]*>)*[ \t]*)?\Z")
_WORDS = re.compile(r"[^<>\n]*>[ \t]+[^<\s]")
# For the parser, only their closing tag or the end of the text ends these (CommonMark 4.6, kind 1).
_TO_THEIR_END = frozenset({"script", "pre", "style", "textarea"})
_FOLDED = frozenset({"details", "summary"})
# A name that is not a scheme in use, as in `<std::string>`.
_SCHEME = re.compile(
    r"<(?!(?:mailto|tel|sms|sip|xmpp|urn|news|magnet|about|file|data|javascript|vbscript|localhost):)"
    r"(?=[A-Za-z][A-Za-z0-9.-]{1,31}:(?!//)[^\s<>]*>)",
    re.IGNORECASE,
)
# A label must contain a word, because a bar may also be part of an address.
_LINK = re.compile(
    r"<((?:https?://|mailto:)[^\s<>|\ue0f1-\ue0ff]+)\|(?=[^<>|\n]*[^\W\d_]{2})([^<>|\n\[\]`\ue0f1-\ue0ff]+)>",
    re.IGNORECASE,
)


def mend_tags(text: str, edits: list[Edit]) -> int | None:
    """Add the edits for lines that begin with a tag.

    Returns the place of a tag or comment that later text may close and thus turn into raw HTML; None if there is none.
    """
    alone: list[re.Match[str]] = []
    unsettled: int | None = None
    closers = _Closers(text)
    for line in _lines(text):
        name, place = line["name"] or "", line.start("tag")
        stands_alone = _ALONE.match(line["rest"]) is not None
        if _is_prose(line, closers):
            edits.append((place, place, SENTINEL))
            if unsettled is None and (not name or (stands_alone and name.lower() in _TO_THEIR_END)):
                unsettled = place
        elif name.lower() not in _FOLDED or not line["rest"].rstrip().endswith(">"):
            continue
        if name and not line["prefix"] and ((stands_alone and ">" in line["rest"]) or name.lower() in _FOLDED):
            alone.append(line)
    edits += _blank_lines(text, alone)
    return unsettled


def _lines(text: str) -> Iterator[re.Match[str]]:
    place = text.find("<")
    while place >= 0:
        line = _LINE.match(text, text.rfind("\n", 0, place) + 1)
        if line and line.start("tag") == place:
            yield line
        end = text.find("\n", place)
        place = text.find("<", end) if end >= 0 else -1


class _Closers:
    """Finds where elements, comments and instructions are closed. Searches once, at the first query."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._block_end = -1
        self.last = lru_cache(text.rfind)

    def is_in_block(self, name: str, place: int) -> bool:
        """Whether the element is closed after this place and before a blank line."""
        if self._block_end < place:
            blank = _BLANK_LINE.search(self._text, place)
            self._block_end = blank.start() if blank else len(self._text)
        return self._after(name, place) < self._block_end

    def is_in_text(self, name: str, place: int) -> bool:
        """Whether the element is closed anywhere after this place."""
        return self._after(name, place) < len(self._text)

    @cached_property
    def _places(self) -> defaultdict[str, list[int]]:
        places: defaultdict[str, list[int]] = defaultdict(list)
        for match in _CLOSER.finditer(self._text):
            places[match[1].lower()].append(match.start())
        return places

    def _after(self, name: str, place: int) -> int:
        places = self._places[name]
        index = bisect_left(places, place)
        return places[index] if index < len(places) else len(self._text)


def _is_prose(line: re.Match[str], closers: _Closers) -> bool:
    name, place = (line["name"] or "").lower(), line.end("tag")
    if not name:
        return closers.last("-->" if line["tag"] == "<!--" else "?>") < place
    if not is_html(line["tag"]):
        return not line.string.endswith("]:\n", 0, line.start())  # after `]:` it is the address of a reference
    if closers.is_in_block(name, place):
        return False
    if name in _TO_THEIR_END and not line["tag"].startswith("</"):
        return not (_ALONE.match(line["rest"]) and closers.is_in_text(name, place))
    return _WORDS.match(line["rest"]) is not None and begins_block(line["tag"] + line["rest"][:1])


def _blank_lines(text: str, tags: list[re.Match[str]]) -> list[Edit]:
    """Edits that add blank lines between tags on their own lines and the markdown inside them."""
    edits: list[Edit] = []
    code = fenced(text) if tags else []
    for line in tags:
        index = bisect_right(code, (line.start(), len(text))) - 1
        if index >= 0 and line.start() < code[index][1]:
            continue
        start, end = line.start(), line.end()
        is_folded = (line["name"] or "").lower() in _FOLDED
        if not is_folded and start > 0 and _is_filled(text, text.rfind("\n", 0, start - 1) + 1):
            edits.append((start, start, "\n"))
        if end + 1 < len(text) and _is_filled(text, end + 1) and not text.startswith("<", end + 1):
            edits.append((end + 1, end + 1, "\n"))
    return edits


def _is_filled(text: str, start: int) -> bool:
    end = text.find("\n", start)
    return bool(text[start : end if end >= 0 else len(text)].strip())


def scheme_edits(text: str) -> list[Edit]:
    """Edits that make text of what only looks like an address in angle brackets."""
    if "<" not in text:
        return []
    return [(match.end(), match.end(), SENTINEL) for match in _SCHEME.finditer(text)]


def slack_link_edits(text: str) -> list[Edit]:
    if "<" not in text or "|" not in text:
        return []
    return [
        (match.start(), match.end(), f"{LINK}[{match[2]}](<{match[1]}>){END_OF_LINK}") for match in _LINK.finditer(text)
    ]
