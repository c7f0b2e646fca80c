"""Holds back the end of an unfinished answer that cannot be shown yet, until more text has come.

Each function takes the text, or a paragraph of it, and returns it without that end. An end that is longer than some
hundred characters is shown as it is.
"""

import re

_TAG = re.compile(r"<(?:[A-Za-z/!?][^<>]{0,300})?\Z")
_HELD_BACK = (
    _TAG,
    re.compile(r"&(?:#?\w{0,31})?\Z"),
    re.compile(r"!\Z"),
    re.compile(r"\[\^[^\]\s]{0,60}\Z"),
    re.compile(r"(?<![^\s(])\$(?=\\|[A-Za-z]?[\^_{]|[A-Za-z]?\Z)[^$\n]{0,400}\Z"),
    re.compile(r"\\\Z"),
)
_ADDRESS = re.compile(r"(?<![A-Za-z0-9<])(?:https?:|www\.|(?:h|ht|htt|https?|w|ww|www)\Z)", re.IGNORECASE)
_FORMULA_MARK = re.compile(r"(?P<ticks>`+)|(?P<mark>\\[\[\]()]|\$\$)|\\.", re.DOTALL)
_FORMULA_ENDS = {"\\[": "\\]", "\\(": "\\)", "$$": "$$"}
# Longer text without an end, in characters, is not a formula.
_LONGEST_FORMULA = {"\\[": 2_000, "\\(": 400, "$$": 2_000}
# Longest address, in characters.
_LONGEST_ADDRESS = 400


def without_open_end(paragraph: str) -> str:
    """Hold back the beginning of a tag, entity, image, mark or address at the end of a paragraph."""
    for pattern in (_TAG,) if paragraph.endswith("\n") else _HELD_BACK:
        match = pattern.search(paragraph)
        if match and not _in_code(paragraph, match.start()):
            paragraph = paragraph[: match.start()]
    return _without_open_address(paragraph)


def without_open_tag(html: str) -> str:
    """Hold back an unfinished tag within raw HTML."""
    return _TAG.sub("", html)


def without_open_formula(text: str, start: int) -> str:
    """Hold back an unfinished formula of any number of lines. The last block begins at `start`."""
    opener, place, code = "", 0, ""
    for match in _FORMULA_MARK.finditer(text, start):
        ticks, mark = match["ticks"], match["mark"]
        if ticks and not opener:
            code = "" if code == ticks else code or ticks
        elif mark and not code:
            if mark == _FORMULA_ENDS.get(opener):
                opener = ""
            elif mark in _FORMULA_ENDS and not opener:
                opener, place = mark, match.start()
    return text[:place] if opener and len(text) - place <= _LONGEST_FORMULA[opener] else text


def _without_open_address(paragraph: str) -> str:
    """Hold back a bare address at the end of the text, because it may continue."""
    word = paragraph[-_LONGEST_ADDRESS:].rsplit(maxsplit=1)[-1:]
    address = _ADDRESS.search(word[0]) if word and not paragraph[-1:].isspace() else None
    place = len(paragraph) - len(word[0]) + address.start() if address else len(paragraph)
    return paragraph if _in_code(paragraph, place) else paragraph[:place]


def _in_code(paragraph: str, position: int) -> bool:
    return paragraph.count("`", 0, position) % 2 == 1
