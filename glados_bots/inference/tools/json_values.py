"""Finds the end of a JSON value that arrives in pieces. Linear in the text's length."""

import re

SCALAR = re.compile(r"[^-+.0-9A-Za-z]")  # what cannot be part of a number or a word
STRUCTURE = re.compile(r'["{}\[\]]')
STRING = re.compile(r'["\\]')


class JsonValue:
    """The end of one value. The text before it is taken to be valid JSON."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = self._escaped = self._began = False

    def feed(self, text: str) -> int | None:
        """The number of characters that belong to the value; None if all do, and the value may continue."""
        place = 0
        if not self._began:
            stripped = text.lstrip(" \t\r\n")
            if not stripped:
                return None
            place, self._began = len(text) - len(stripped), True
            if stripped[0] not in '"{[':
                return self._scalar(text, place)
        elif not self._depth and not self._in_string:
            return self._scalar(text, 0)
        while place < len(text):
            place = self._within_string(text, place) if self._in_string else self._outside(text, place)
            if not self._depth and not self._in_string:
                return place
        return None

    def _scalar(self, text: str, place: int) -> int | None:
        found = SCALAR.search(text, place)
        return found.start() if found else None

    def _within_string(self, text: str, place: int) -> int:
        if self._escaped:
            self._escaped = False
            return place + 1
        found = STRING.search(text, place)
        if found is None:
            return len(text)
        self._escaped, self._in_string = found[0] == "\\", found[0] == "\\"
        return found.end()

    def _outside(self, text: str, place: int) -> int:
        found = STRUCTURE.search(text, place)
        if found is None:
            return len(text)
        self._in_string = found[0] == '"'
        self._depth += (found[0] in "{[") - (found[0] in "}]")
        return found.end()
