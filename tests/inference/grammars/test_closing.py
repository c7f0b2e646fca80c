"""Objects that a schema leaves open have no further properties, where that cannot forbid what the schema requires."""

from typing import Any

import pytest

from glados_bots.inference.grammars.closing import closed

NAME = {"name": {"type": "string"}}
OPEN = {"type": "object", "properties": NAME}
SHUT = {**OPEN, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (OPEN, SHUT),
        ({"properties": {"inner": OPEN}}, {"properties": {"inner": SHUT}, "additionalProperties": False}),
        ({"type": "array", "items": OPEN}, {"type": "array", "items": SHUT}),
        ({"anyOf": [OPEN, {"type": "null"}]}, {"anyOf": [SHUT, {"type": "null"}]}),
        (
            {"$defs": {"a": OPEN}, "type": "array", "items": {"$ref": "#/$defs/a", "description": "one"}},
            {"$defs": {"a": SHUT}, "type": "array", "items": {"$ref": "#/$defs/a", "description": "one"}},
        ),
    ],
)
def test_an_object_that_names_its_properties_is_closed(schema: Any, expected: Any) -> None:
    assert closed(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"type": "object"},
        {**OPEN, "additionalProperties": True},
        {**OPEN, "additionalProperties": {"type": "integer"}},
        {**OPEN, "patternProperties": {"^x": True}},
        {**OPEN, "required": ["name", "age"]},
        {**OPEN, "anyOf": [{"properties": {"age": True}}]},
        {"allOf": [OPEN, {"properties": {"age": True}}]},
        {"$defs": {"a": OPEN}, "$ref": "#/$defs/a", "properties": {"age": True}},
        {"const": OPEN},
    ],
)
def test_what_others_may_add_to_stays_open(schema: Any) -> None:
    assert closed(schema) == schema
