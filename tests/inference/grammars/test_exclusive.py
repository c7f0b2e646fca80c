"""`oneOf` is kept where no document fits two of its schemas."""

import json
from typing import Any

import pytest
from llguidance import LLMatcher

from glados_bots.inference.grammars.schemas import check

NUMBER = {"type": "string", "pattern": "^[1-9][0-9]*$"}
LETTERS = {"type": "string", "pattern": "^[a-z]+$"}


def kind(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"kind": {"const": value}, **more}, "required": ["kind"]}


def is_kept(schema: Any) -> bool:
    return not LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(json.dumps(schema)))


EXCLUSIVE: list[list[Any]] = [
    [{"enum": ["all"]}, NUMBER],  # qwen-code's tool `agent`
    [NUMBER, LETTERS],
    [{"type": "integer"}, {"type": "null"}, LETTERS],
    [{"type": "integer", "maximum": 3}, {"type": "integer", "minimum": 4}],
    [kind("a"), kind("b", size=NUMBER), kind("c")],
    [{"$ref": "#/$defs/number"}, LETTERS],
    [NUMBER],
]
SHARED: list[list[Any]] = [
    [{"enum": ["7", "all"]}, NUMBER],
    [{"type": "number"}, {"type": "integer"}],
    [LETTERS, {"type": "string", "maxLength": 5}],
    [kind("a"), {"type": "object"}],
    [{"$ref": "#/$defs/number"}, {"type": "string"}],
    [True, NUMBER],
    [{"type": "string", "pattern": f"^x{n}$"} for n in range(17)],  # more pairs than are looked at
]


@pytest.mark.parametrize("options", EXCLUSIVE)
def test_schemas_that_exclude_each_other_are_alternatives(options: list[Any]) -> None:
    schema = {"$defs": {"number": NUMBER}, "oneOf": options}
    check(schema, "response_format")
    assert schema["anyOf"] == options
    assert "oneOf" not in schema
    assert is_kept(schema)


@pytest.mark.parametrize("options", SHARED)
def test_schemas_that_share_a_document_are_left_and_refused(options: list[Any]) -> None:
    schema = {"$defs": {"number": NUMBER}, "oneOf": options}
    check(schema, "response_format")
    assert schema["oneOf"] == options
    assert not is_kept(schema)


def test_alternatives_beside_alternatives_all_hold() -> None:
    schema: dict[str, Any] = {"oneOf": [{"enum": ["all"]}, NUMBER], "anyOf": [{"maxLength": 3}], "type": "string"}
    check(schema, "response_format")
    assert schema["allOf"] == [{"anyOf": [{"enum": ["all"]}, NUMBER]}]
    assert is_kept(schema)


def test_a_place_within_the_schema_is_settled_too() -> None:
    schema = {"type": "object", "properties": {"turns": {"oneOf": [{"enum": ["all"]}, NUMBER]}}}
    check(schema, "tools.0.function.parameters")
    assert is_kept(schema)
