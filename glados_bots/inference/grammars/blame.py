"""Finds the part of a JSON schema that llguidance refuses: its own reasons name no place."""

import json
import time
from collections.abc import Iterator
from typing import Any

from llguidance import LLMatcher

from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.grammars import sources
from glados_bots.inference.grammars.refusing import refused
from glados_bots.inference.grammars.schemas import children
from glados_bots.wire.events import Grammar

LONGEST = 100_000  # characters of a schema that is searched
LONGEST_SEARCH_S = 2.0  # then the place found so far has to do
SAID = {"pattern": "regex", "patternProperties": "patternProperty"}  # keywords in the library's reasons
WHOLE = "glados-whole"  # where a part's schema holds the whole one, to which its references lead


def located(grammar: Grammar, error: ParameterRefusedError) -> ParameterRefusedError:
    """The error with the place of the smallest part that is refused by itself. Takes LONGEST_SEARCH_S at most."""
    if grammar.kind != "json_schema" or error.name != grammar.field or len(grammar.value) > LONGEST:
        return error
    whole = json.loads(grammar.value)
    reason = str(error).removeprefix(f"{error.name}: ")
    deadline = time.monotonic() + LONGEST_SEARCH_S
    names: list[str | int] = []
    part, moved = whole, _moved(whole)
    while found := next(_refused_parts(part, names, moved, deadline), None):
        step, part = found
        names.extend(step)
    keywords: list[str] = list(part) if isinstance(part, dict) else []
    keyword = next((name for name in keywords if SAID.get(name, name) in reason), "")
    return refused(".".join(map(str, (grammar.field, *names, *([keyword] if keyword else ())))), reason)


def _refused_parts(
    part: Any, names: list[str | int], moved: Any, deadline: float
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if not isinstance(part, dict):
        return
    keyword = "$defs" if "$defs" in part else "definitions"
    definitions: Any = {} if names else part.get(keyword, {})
    inner = [*(((keyword, name), one) for name, one in definitions.items()), *children(part)]
    for step, one in inner:
        if time.monotonic() > deadline:
            return
        pointer = "/".join(str(name).replace("~", "~0").replace("/", "~1") for name in (*names, *step))
        probe = {"$defs": {WHOLE: moved}, "$ref": f"#/$defs/{WHOLE}/{pointer}"}
        if LLMatcher.validate_grammar(LLMatcher.grammar_from_lark(f"start: answer\n{sources.document(probe)}")):
            yield step, one


def _moved(schema: Any) -> Any:
    """The schema with references that fit where a probe holds it."""
    if isinstance(schema, list):
        return [_moved(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: f"#/$defs/{WHOLE}{one[1:]}" if name == "$ref" and isinstance(one, str) else _moved(one)
        for name, one in schema.items()
    }
