"""A grammar that a client wrote, in Lark or in GBNF, as a part of ours: its rule `start` becomes our rule `answer`."""

import re

from llguidance.gbnf_to_lark import any_to_lark

from glados_bots.inference.grammars.refusing import refused

DEEPEST = 50  # brackets within brackets
# What a Lark source consists of: comments, strings, regular expressions, tokens of a model, names, all others
PIECES = re.compile(
    r"""(?P<comment>(?://|\#)[^\n]*) | (?P<text>"(?:\\.|[^"\\\n])*"i?|/(?![/\s])(?:\\.|[^/\\\n])+/[imslux]*)
    | (?P<token><[^>\s]*>) | (?P<directive>%(?!ignore|regex)\w+) | (?P<name>@?[A-Za-z_][\w-]*) | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
HEAD = "%llguidance {}"  # with which the converter begins
START, ANSWER, TAKEN = "start", "answer", "answer_of_client"


def lark(source: str, place: str) -> str:
    """The client's grammar with the rule `answer`.

    Raises:
        ParameterRefusedError: it has no rule `start` (in GBNF: `root`), or names tokens of the model.
    """
    try:
        source = any_to_lark(source).replace(HEAD, "", 1)
    except Exception as error:
        raise refused(place, f"it is neither Lark nor GBNF: {str(error)[:200]}") from error
    if not re.search(r"(?m)^\s*\??start\b", source):
        raise refused(place, "it has no rule `start` (GBNF: `root`)")
    depth, parts = 0, []
    for match in PIECES.finditer(source):
        piece, kind = match.group(), match.lastgroup
        depth += (piece in "([{") - (piece in ")]}") if kind == "other" else 0
        if depth > DEEPEST:
            raise refused(place, f"brackets are nested more than {DEEPEST} deep")
        if kind in ("token", "directive") or piece.startswith("@"):
            raise refused(place, f"{piece[:40]} is not offered; leave it out")
        parts.append({START: ANSWER, ANSWER: TAKEN}.get(piece, piece) if kind == "name" else piece)
    return "".join(parts)
