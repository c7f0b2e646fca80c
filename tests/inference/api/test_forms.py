"""The fields of a request that ask for a form of the answer."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from glados_bots.inference.api.chat.requests import ChatRequest
from glados_bots.wire.events import Grammar

SCHEMA = {"type": "object"}
NAMED = {"name": "x", "schema": SCHEMA}


def grammar(**fields: Any) -> Grammar | None:
    body = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], **fields}
    return ChatRequest.model_validate(body).sampling().grammar


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, None),
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "json_object"}}, Grammar("json_object", field="response_format")),
        (
            {"response_format": {"type": "json_schema", "json_schema": {**NAMED, "strict": False, "description": "d"}}},
            Grammar("json_schema", json.dumps(SCHEMA), "response_format.json_schema.schema"),
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": False}}},
            Grammar("json_schema", "false", "response_format.json_schema.schema"),
        ),
        ({"guided_json": SCHEMA}, Grammar("json_schema", json.dumps(SCHEMA), "guided_json")),
        ({"guided_json": {}}, Grammar("json_schema", "{}", "guided_json")),
        ({"guided_json": '{"type": "null"}'}, Grammar("json_schema", '{"type": "null"}', "guided_json")),
        ({"guided_regex": "a+"}, Grammar("regex", "a+", "guided_regex")),
        ({"guided_choice": ["a", "b"]}, Grammar("choice", '["a", "b"]', "guided_choice")),
        ({"guided_grammar": "root ::= x"}, Grammar("grammar", "root ::= x", "guided_grammar")),
        ({"structured_outputs": {"json": {}}}, Grammar("json_schema", "{}", "structured_outputs.json")),
        ({"structured_outputs": {"regex": "a"}}, Grammar("regex", "a", "structured_outputs.regex")),
        ({"structured_outputs": {"choice": ["a"]}}, Grammar("choice", '["a"]', "structured_outputs.choice")),
        ({"structured_outputs": {"grammar": "g"}}, Grammar("grammar", "g", "structured_outputs.grammar")),
        ({"structured_outputs": {"json_object": True}}, Grammar("json_object", field="structured_outputs.json_object")),
        (
            {"structured_outputs": {"regex": "a", "disable_any_whitespace": True}, "guided_json": None},
            Grammar("regex", "a", "structured_outputs.regex"),
        ),
    ],
)
def test_each_field_gives_its_form(fields: dict[str, Any], wanted: Grammar | None) -> None:
    assert grammar(**fields) == wanted


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"response_format": {"type": "json_schema"}}, "give json_schema with the type"),
        ({"response_format": {"type": "text", "json_schema": NAMED}}, "give json_schema with the type"),
        ({"response_format": {"type": "xml"}}, "'json_object'"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": [1]}}}, "schema"),
        ({"response_format": {"type": "json_object", "grammar": "x"}}, "grammar"),
        ({"structured_outputs": {}}, "exactly one"),
        ({"structured_outputs": {"json_object": False}}, "exactly one"),
        ({"structured_outputs": {"regex": "a", "choice": ["a"]}}, "exactly one"),
        ({"structured_outputs": {"structural_tag": "x"}}, "structural_tag"),
        ({"structured_outputs": {"whitespace_pattern": "x", "json": {}}}, "whitespace_pattern"),
        ({"guided_json": {}, "guided_regex": "a"}, "guided_json and guided_regex each ask"),
        ({"guided_json": {}, "response_format": {"type": "json_object"}}, "response_format and guided_json each ask"),
        ({"guided_whitespace_pattern": "x", "guided_json": {}}, "guided_whitespace_pattern"),
        ({"guided_choice": [1]}, "guided_choice"),
        ({"guided_choice": ["a"] * 10_001}, "guided_choice"),
        ({"guided_regex": 5}, "guided_regex"),
    ],
)
def test_what_asks_for_no_form_or_for_several_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        grammar(**fields)
    assert said in str(error.value)


def test_no_other_format_may_stand_beside_text() -> None:
    assert grammar(response_format={"type": "text"}, guided_regex="a") == Grammar("regex", "a", "guided_regex")


@pytest.mark.parametrize("depth", [200, 900, 5_000])
def test_a_schema_of_any_depth_gives_a_form_or_an_error(depth: int) -> None:
    """Its depth is judged later, in a thread. What is too deep for a parser of JSON is refused at once."""
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"items": schema}
    try:
        found = grammar(guided_json=schema)
    except ValidationError as error:
        assert "nested too deeply" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert found is not None
