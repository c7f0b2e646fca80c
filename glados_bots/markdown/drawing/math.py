"""Writes simple LaTeX as Unicode, for clients that cannot typeset formulas."""

import re

from glados_bots.markdown.drawing.math_symbols import (
    ACCENTS,
    ALPHABETS,
    FUNCTIONS,
    HIGH,
    LOW,
    PLAIN,
    ROOTS,
    UNSEEN,
    WORDS,
    letter,
)

# Maximum depth of nested braces; deeper formulas are shown as written.
MAX_DEPTH = 16
_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|[{}^_&]|[^\\{}^_&]", re.DOTALL)
# Text that needs no brackets below a fraction's line, and above it.
_FACTOR = re.compile(r"[\w∂∇°]+|\([^()]*\)")
_FACTORS = re.compile(r"[\w∂∇°]+(?:\([^()]*\))?|\([^()]*\)")
_OPERAND = re.compile(r"[\w(√∛∜{\[]")
_BEFORE = re.compile(r"[\w)\]}] *\Z")
_FRACTIONS = frozenset({"frac", "dfrac", "tfrac"})


class _NotPlainError(Exception):
    """Plain characters cannot express the formula."""


def unicode_math(latex: str) -> str | None:
    """Write LaTeX, given without dollar signs, in plain characters; None if they cannot express it."""
    reader = _Reader(latex.strip())
    try:
        return None if "\n" in latex.strip() else reader.formula()
    except _NotPlainError:
        return None


class _Reader:
    """Reads a formula token by token, each token once."""

    def __init__(self, latex: str) -> None:
        self._tokens = _TOKEN.findall(latex)
        self._next = 0
        self._depth = 0

    def formula(self) -> str:
        """The whole formula. Raises _NotPlainError."""
        text = self._sequence("")
        if self._next < len(self._tokens):
            raise _NotPlainError
        return text

    def _sequence(self, end: str) -> str:
        """The text up to `end` or to the end of the formula."""
        line = _Line()
        while (token := self._peek()) not in {"", end, "}"}:
            self._next += 1
            line.add(self._piece(token), token)
        return line.text()

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _piece(self, token: str) -> str:
        """The text of a token that has been read, and of its arguments."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _NotPlainError
        match token[0]:
            case "{":
                text = self._group()
            case "^":
                text = self._script(HIGH)
            case "_":
                text = self._script(LOW)
            case "\\":
                text = self._command(token[1:])
            case "&":
                raise _NotPlainError
            case "~":
                text = " "
            case _:
                text = token
        self._depth -= 1
        return text

    def _group(self) -> str:
        """The text up to the closing brace; the opening brace has been read."""
        text = self._sequence("}")
        if self._peek() != "}":
            raise _NotPlainError
        self._next += 1
        return text

    def _argument(self) -> str:
        """The argument of a command or script: a group, a command or one character."""
        while self._peek() == " ":
            self._next += 1
        token = self._peek()
        if token in {"", "}", "^", "_"}:
            raise _NotPlainError
        self._next += 1
        return self._piece(token)

    def _command(self, name: str) -> str:
        known = PLAIN.get(name)
        if known is not None:
            return known
        if name in UNSEEN:
            return self._bracket()
        if name == "sqrt":
            return self._root()
        if name in _FRACTIONS:
            return f"{_grouped(self._argument(), _FACTORS)}/{_grouped(self._argument(), _FACTOR)}"
        return self._changed(name)

    def _changed(self, name: str) -> str:
        """The argument of a command that changes its look. Raises _NotPlainError for unknown commands."""
        if name in ACCENTS:
            return _accented(self._argument(), ACCENTS[name])
        if name in ALPHABETS:
            return _lettered(self._argument(), ALPHABETS[name])
        if name in WORDS:
            return self._argument()
        raise _NotPlainError

    def _bracket(self) -> str:
        """Read an invisible bracket: after the command, a full stop stands for no bracket."""
        if self._peek() == ".":
            self._next += 1
        return ""

    def _root(self) -> str:
        degree = ""
        if self._peek() == "[":
            self._next += 1
            degree = self._sequence("]")
            self._next += self._peek() == "]"
        if degree not in ROOTS:
            raise _NotPlainError
        return ROOTS[degree] + _grouped(self._argument(), _FACTOR)

    def _script(self, table: dict[str, str]) -> str:
        content = self._argument()
        if not content or not all(character in table for character in content):
            raise _NotPlainError
        return "".join([table[character] for character in content])


class _Line:
    """The pieces of a formula, side by side."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._bare = -1  # index of a quotient or root that would seem to include a following factor

    def add(self, piece: str, token: str) -> None:
        """Add a piece. A quotient or root next to a factor gets brackets; a function's name gets a space."""
        name = token[1:] if token[0] == "\\" else ""
        before = self._pieces[-1] if self._pieces else ""
        if self._bare >= 0 and piece.strip():
            if _OPERAND.match(piece) or token in {"^", "_"}:
                self._pieces[self._bare] = f"({self._pieces[self._bare]})"
            self._bare = -1
        if (
            token not in {"^", "_"}
            and piece[:1].isalnum()
            and (before in FUNCTIONS or (name in FUNCTIONS and before[-1:].isalnum()))
        ):
            self._pieces.append(" ")
        if name in _FRACTIONS and _BEFORE.search(self._end()):
            piece = f"({piece})"
        elif name in _FRACTIONS or (name == "sqrt" and not piece.endswith(")")):
            self._bare = len(self._pieces)
        self._pieces.append(piece)

    def text(self) -> str:
        return "".join(self._pieces)

    def _end(self) -> str:
        return "".join(self._pieces[-2:])


def _grouped(text: str, bare: re.Pattern[str]) -> str:
    return text if bare.fullmatch(text) else f"({text})"


def _accented(text: str, accent: str) -> str:
    if len(text) != 1:
        raise _NotPlainError
    return text + accent


def _lettered(text: str, alphabet: str) -> str:
    letters = [letter(character, alphabet) for character in text]
    if None in letters:
        raise _NotPlainError
    return "".join([each for each in letters if each])
