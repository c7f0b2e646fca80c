"""`oneOf` as `anyOf`, where no document fits two of the schemas: then both mean the same, and `anyOf` is kept.

llguidance proves by itself that types differ, and some more. Where it does not, its reading of `allOf` of two schemas
tells whether a document fits both.
"""

import json
from itertools import combinations
from typing import Any

from llguidance import LLMatcher

MOST_OPTIONS = 16
LONGEST = 50_000  # characters of two options, and of all that they may refer to
NOTHING_FITS = "Unsatisfiable schema"
DEFINITIONS = ("$defs", "definitions")


def settle(schema: dict[str, Any], root: Any) -> None:
    """Write `oneOf` as `anyOf` if its schemas exclude each other. Else leave it, and llguidance refuses it.

    Args:
        schema: changed in place.
        root: the whole schema, which holds the definitions.
    """
    options = schema.get("oneOf")
    if not isinstance(options, list) or not 0 < len(options) <= MOST_OPTIONS:
        return
    known = {name: root[name] for name in DEFINITIONS if isinstance(root, dict) and name in root}
    if all(_exclude(one, other, known) for one, other in combinations(options, 2)):
        del schema["oneOf"]
        if "anyOf" in schema:
            schema["allOf"] = [*schema.get("allOf", ()), {"anyOf": options}]
        else:
            schema["anyOf"] = options


def _exclude(one: Any, other: Any, known: dict[str, Any]) -> bool:
    both = {"allOf": [one, other]}
    text = json.dumps(both)
    if '"$ref"' in text:
        text = json.dumps(known | both)
    if len(text) > LONGEST:
        return False
    has_error, told = LLMatcher.validate_grammar_with_warnings(LLMatcher.grammar_from_json_schema(text))
    return has_error and any(line.startswith(NOTHING_FITS) for line in told)
