"""JSON schemas: what is kept is kept whole, and all else is refused by keyword and place."""

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.grammars import blame
from glados_bots.inference.grammars.sources import LONGEST, lark
from glados_bots.wire.events import Grammar
from tests.inference.grammars.walking import SUITE, matcher_of, shared, takes, walk


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def refusal(schema: Any) -> str:
    """The error for a schema, from the check or from the library."""
    grammar = Grammar("json_schema", schema if isinstance(schema, str) else json.dumps(schema), "s")
    try:
        source = lark(grammar)
    except ParameterRefusedError as error:
        return str(error)
    with pytest.raises(ParameterRefusedError) as refused:
        shared().matcher(source, "before", "s")
    return str(blame.located(grammar, refused.value))


@pytest.mark.parametrize("name", SUITE)
def test_nothing_that_a_schema_of_the_suite_forbids_can_be_said(name: str) -> None:
    case = SUITE[name]
    matcher = matcher_of(case["schema"])
    for document in case["invalid"]:
        assert not takes(matcher.copy(), compact(document)), document


def test_what_the_suite_allows_can_be_said() -> None:
    """Most of it: the order of properties is the schema's, and numbers are written in one way."""
    said = [takes(matcher_of(case["schema"]), compact(one)) for case in SUITE.values() for one in case["valid"]]
    assert sum(said) > 0.85 * len(said)


def test_random_walks_end_in_documents_that_fit() -> None:
    draw, whole = np.random.default_rng(3), 0
    for name, case in SUITE.items():
        validator = Draft202012Validator(json.loads(json.dumps(case["schema"]), parse_float=Decimal))
        text, is_whole = walk(matcher_of(case["schema"]), draw)
        whole += is_whole
        if is_whole:
            assert validator.is_valid(json.loads(text, parse_float=Decimal)), (name, text)
    assert whole > 0.8 * len(SUITE)


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"a": {"type": "array", "uniqueItems": True}}}, "properties.a.uniqueItems"),
        ({"properties": {"a": {"not": {"type": "null"}}}}, "properties.a.not"),
        ({"items": {"if": {}, "then": {}}}, "items.if"),
        ({"anyOf": [{"type": "null"}, {"contains": {}}]}, "anyOf.1.contains"),
        ({"dependentRequired": {"a": ["b"]}}, "dependentRequired"),
        ({"dependentSchemas": {"a": {}}}, "dependentSchemas"),
        ({"dependencies": {"a": ["b"]}}, "dependencies"),
        ({"propertyNames": {"pattern": "^a"}}, "propertyNames"),
        ({"unevaluatedProperties": False}, "unevaluatedProperties"),
        ({"unevaluatedItems": False}, "unevaluatedItems"),
        ({"$dynamicRef": "#a"}, "$dynamicRef"),
        ({"$ref": "https://example.org/schema"}, "$ref"),
        ({"properties": {"a": {"$ref": "other.json#/a"}}}, "properties.a.$ref"),
        ({"$ref": "#/$defs/none"}, "$ref"),
        ({"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"not": {}}}}, "$defs.x.not"),
        ({"type": "string", "pattern": "a(?=b)"}, "pattern"),
        ({"type": "string", "pattern": "(?<!a)b"}, "pattern"),
        ({"type": "string", "pattern": "a\\b"}, "pattern"),
        ({"type": "string", "pattern": "(a)\\1"}, "pattern"),
        ({"type": "string", "pattern": "[[a]b]"}, "pattern"),
        ({"type": "string", "pattern": "[^a&&b]"}, "pattern"),
        ({"properties": {"a": {"type": "string", "pattern": "a$b"}}}, "properties.a.pattern"),
        ({"patternProperties": {"a(?!b)": {}}}, "patternProperties.a(?!b)"),
        ({"type": "string", "format": "ipv7"}, "format"),
        ({"type": "object", "minProperties": 2}, "minProperties"),
        ({"type": "integer", "minimum": 2**53 + 1}, "minimum"),
        ({"type": "integer", "multipleOf": 1_000_003}, "multipleOf"),
        ({"type": "integer", "multipleOf": 0}, "multipleOf"),
        ({"type": "array", "minItems": 10**7}, "minItems"),
        ({"properties": {"a": {"oneOf": [{"type": "number"}, {"type": "integer"}]}}}, "properties.a.oneOf"),
        ({"properties": {"a": {"$id": "other"}}}, "properties.a.$id"),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "$schema"),
        ({"$schema": "https://example.org/mine"}, "$schema"),
        ({"properties": {"a": {"minLength": -1}}}, "properties.a.minLength"),
        ({"properties": {"a": 5}}, "properties.a"),
        ({"properties": [1]}, "properties"),
        ({"$defs": {"unused": {"items": {"properties": [1]}}}, "type": "null"}, "$defs.unused.items.properties"),
        ({"$defs": [1], "type": "null"}, "$defs"),
        ({"type": "object", "required": [1, {}]}, "required"),
        ({"type": [["null"]]}, "type"),
        ({"type": "string", "format": ["uuid"]}, "format"),
        ({"type": "string", "pattern": 5}, "pattern"),
        ({"type": "array", "prefixItems": [True], "minItems": 0.5}, "minItems"),
        ({"anyOf": {"a": {}}}, "anyOf"),
        ({"properties": {"\ud800": {"type": "null"}}}, "properties.\\ud800"),
    ],
)  # fmt: skip
def test_what_is_not_kept_is_refused_with_keyword_and_place(schema: Any, place: str) -> None:
    assert refusal(schema).startswith(f"s.{place}: ")


ENDLESS = {"type": "object", "required": ["b"], "properties": {"b": {"$ref": "#/$defs/a"}}}


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (False, "s"),
        ({"type": "object", "required": ["a"], "properties": {"a": False}}, "s"),
        ({"type": "integer", "minimum": 5, "maximum": 1}, "s.minimum"),
        ({"type": "integer", "exclusiveMinimum": 5, "maximum": 5}, "s.exclusiveMinimum"),
        ({"properties": {"a": {"type": "string", "minLength": 3, "maxLength": 2}}}, "s.properties.a.minLength"),
        ({"items": {"minItems": 3, "maxItems": 2}}, "s.items.minItems"),
        ({"minProperties": 2, "maxProperties": 1}, "s.minProperties"),
        ({"properties": {"a": {"enum": []}}}, "s.properties.a.enum"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "s"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "s.$defs.a"),
        ({"$ref": "#/$defs/a", "$defs": {"a": ENDLESS}}, "s.$defs.a.properties.b"),
        ({"type": "array", "minItems": 1, "items": {"$ref": "#"}}, "s.items"),
    ],
)
def test_contradictions_are_refused_with_their_place(schema: Any, place: str) -> None:
    assert refusal(schema).startswith(f"{place}: ")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "uniqueItems": False},
        {"type": "string", "then": {"minLength": 5}},
        {"type": "string", "minLength": 2.0},
        {"type": "integer", "format": "int32"},
        {"type": "object", "unevaluatedProperties": True},
        {"title": "Anything", "examples": [{"not": 1}], "default": {"if": 1}, "x-own": {"contains": 1}},
    ],
)
def test_keywords_that_ask_for_nothing_may_pass(schema: Any) -> None:
    assert matcher_of(schema)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ('{"items": ' * 200 + "{}" + "}" * 200, "nested more than"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps({"enum": ["x" * 2 * 2**20]}), f"at most {LONGEST}"),
        ("{", "no JSON"),
        (json.dumps({"properties": {f"p{n}": {} for n in range(1_001)}}), "s.properties: it has 1001 parts"),
        (json.dumps({"anyOf": [{"const": n} for n in range(1_001)]}), "s.anyOf: it has 1001 parts"),
    ],
)
def test_schemas_that_are_too_large_are_refused(schema: str, reason: str) -> None:
    assert reason in refusal(schema)


@pytest.mark.parametrize("pattern", ["(a{1,1000}){1,1000}", "(a|b)*c(a|b){4000}", "(x+x+)+y", "(.*a.*){50}"])
def test_patterns_that_explode_cost_little(pattern: str) -> None:
    """Or they are refused. The library derives states only where a text leads."""
    matcher = matcher_of({"type": "string", "pattern": pattern})
    text, _ = walk(matcher, np.random.default_rng(1), most=200)
    assert text.startswith('"')


def test_an_object_with_a_thousand_properties_is_kept() -> None:
    matcher = matcher_of({"type": "object", "properties": {f"p{n}": {"type": "integer"} for n in range(1_000)}})
    assert takes(matcher, '{"p5": 1, "p900": 2, "p999": 3}')


def test_documents_have_no_white_space_to_be_lost_in() -> None:
    matcher = matcher_of({"type": "object", "properties": {"a": {"type": "array"}}, "required": ["a"]})
    assert takes(matcher.copy(), '{"a": [1, 2]}')
    assert takes(matcher.copy(), '{"a":[1,2]}')
    for text in ("\n", " ", "{ ", "{\n", '{"a":  ', '{"a": [ ', '{"a": [1 '):
        assert not all(map(matcher.copy().take, shared().tokens(text))), text


def test_no_schema_changes_how_it_is_kept() -> None:
    """The library reads `x-guidance`, which could make it ignore keywords."""
    matcher = matcher_of({"type": "string", "x-guidance": {"lenient": True, "whitespace_flexible": True}})
    assert not takes(matcher.copy(), '\n"a"')
    assert refusal({"not": {}, "x-guidance": {"lenient": True}}).startswith("s.not")
