"""One Lark source of llguidance for every form of an answer. Its rule `answer` is the answer without reasoning."""

import json
from typing import Any

from llguidance import regex_to_lark

from glados_bots.inference.grammars import patterns, written
from glados_bots.inference.grammars.closing import closed
from glados_bots.inference.grammars.refusing import refused
from glados_bots.inference.grammars.schemas import check
from glados_bots.wire.events import Grammar

LONGEST = 2**19  # characters of a schema, a list of choices, or a grammar
LONGEST_PATTERN = 20_000  # characters of a regular expression
MOST_CHOICES = 10_000
# One space at most between the parts of a document: small models would repeat white space for ever
COMPACT = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?"}


def lark(grammar: Grammar) -> str:
    """The source of a form. It takes time that grows with the form, so call it in a thread.

    Raises:
        ParameterRefusedError: the form asks for something that no token mask keeps, or nothing can have this form.
    """
    most = LONGEST_PATTERN if grammar.kind == "regex" else LONGEST
    if len(grammar.value) > most and grammar.kind != "lark":
        raise refused(grammar.field, f"it has {len(grammar.value)} characters; at most {most} are taken")
    match grammar.kind:
        case "json_object":
            return document({"type": "object"})
        case "json_schema":
            schema = _parsed(grammar)
            check(schema, grammar.field)
            return document(closed(schema))
        case "regex":
            patterns.check(grammar.value, grammar.field)
            return f"answer: /{regex_to_lark(grammar.value, 'dw')}/"
        case "choice":
            return f"answer: GLADOS_CHOICE\nGLADOS_CHOICE: {' | '.join(map(json.dumps, _choices(grammar)))}"
        case "grammar":
            return written.lark(grammar.value, grammar.field)
        case "lark":
            return grammar.value


def document(schema: Any) -> str:
    """The rule of a JSON document that a schema describes."""
    return f"answer: {inline(schema)}"


def inline(schema: Any) -> str:
    """A checked JSON schema as a part of a Lark rule. The document has no line break and no indent."""
    keywords = {} if schema is True else schema
    return f"%json {json.dumps({**keywords, 'x-guidance': COMPACT})}"


def _parsed(grammar: Grammar) -> Any:
    try:
        return json.loads(grammar.value)
    except (ValueError, RecursionError) as error:
        raise refused(grammar.field, "it is no JSON, or nested too deeply") from error


def _choices(grammar: Grammar) -> list[str]:
    choices: list[str] = _parsed(grammar)
    if not 0 < len(choices) <= MOST_CHOICES:
        raise refused(grammar.field, f"give 1 to {MOST_CHOICES} choices")
    if not all(choices):
        raise refused(grammar.field, "no choice may be empty")
    return choices
