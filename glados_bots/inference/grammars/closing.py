"""Closes objects that a schema leaves open: a small model would invent properties until its limit.

All that a closed object takes fits the open schema, too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

# What decides more about an object than its properties do
OPEN_OBJECTS = frozenset(
    "additionalProperties patternProperties minProperties propertyNames $ref allOf anyOf oneOf".split()
)
NOTES = frozenset("$comment default description examples title".split())  # keywords that forbid nothing
NAMED = ("properties", "$defs", "definitions")
ONE = ("items", "additionalItems")
SEVERAL = ("prefixItems", "anyOf", "oneOf")


def closed(schema: Any) -> Any:
    """A checked JSON schema whose objects have no further properties where they name some and say nothing of others.

    A schema in which one part adds to another (`allOf`, keywords beside `$ref`) stays as it is.
    """
    return schema if any(map(_adds, _dicts(schema))) else _closed(schema)


def closed_object(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of an object, closed if it says nothing of further properties and requires none of them."""
    others = set(schema.get("required", ())) - set(schema.get("properties", ()))
    if OPEN_OBJECTS & set(schema) or others:
        return schema
    return {**schema, "additionalProperties": False}


def _closed(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    parts = dict(schema)
    for keyword in NAMED:
        if keyword in schema:
            parts[keyword] = {name: _closed(part) for name, part in schema[keyword].items()}
    for keyword in ONE:
        if isinstance(schema.get(keyword), dict):
            parts[keyword] = _closed(schema[keyword])
    for keyword in SEVERAL:
        if keyword in schema and "properties" not in schema:
            parts[keyword] = [_closed(part) for part in schema[keyword]]
    return closed_object(parts) if schema.get("properties") else parts


def _adds(part: dict[str, Any]) -> bool:
    return "allOf" in part or ("$ref" in part and bool(set(part) - NOTES - {"$ref", *NAMED[1:]}))


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _dicts(part)
