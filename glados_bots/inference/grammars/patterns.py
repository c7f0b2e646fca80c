"""Regular expressions: refuses those that llguidance reads in another way than their author."""

import re

from glados_bots.inference.grammars.refusing import refused

# Groups that look at other text than what they match. llguidance names the rest of what it refuses
LOOKS = {"(?=": "a look-ahead", "(?!": "a look-ahead", "(?<=": "a look-behind", "(?<!": "a look-behind"}
# Inside a class, these are operators on sets for llguidance, and plain characters for others
SET_OPERATORS = ("[", "&&", "--", "~~")
EMPTY_CLASSES = ("[]", "[^]")  # for others, the bracket after the first is the first character of the class
PIECES = re.compile(r"\\.|\[\^?\]|\(\?<?[=!]|\(\?[a-zA-Z-]*x|&&|--|~~|.", re.DOTALL)
ELSEWHERE = re.compile(r"\\[bBAzZGQEKhHRNXx<>]|\\[1-9]|\\k|\\c")  # escapes that mean something else in ECMAScript


def check(pattern: str, place: str) -> None:
    """Raise ParameterRefusedError if the pattern holds something that is not kept."""
    in_class = False
    for match in PIECES.finditer(pattern):
        piece = match.group()
        if reason := _reason(piece, in_class=in_class):
            raise refused(place, f"at character {match.start()}: {reason}; write it without")
        if piece == "[":
            in_class = True
        elif piece == "]":
            in_class = False


def _reason(piece: str, *, in_class: bool) -> str:
    """Why a piece of a pattern is not kept, or nothing."""
    if in_class:
        return f"{piece} within a class is not kept" if piece in SET_OPERATORS or piece in EMPTY_CLASSES else ""
    if piece in EMPTY_CLASSES:
        return f"{piece} is not kept"
    if piece in LOOKS:
        return f"{LOOKS[piece]} is not kept"
    if piece.startswith("(?") and piece.endswith("x"):
        return "the flag x is not kept"
    return f"{piece} is not kept" if ELSEWHERE.fullmatch(piece) else ""
