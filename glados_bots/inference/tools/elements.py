"""Arguments that a model writes as elements: which keys a tool has, and how each value is written.

A value that can only be a string stands as it is. `null` beside a string is the word. All other values are JSON, and so
are strings of a pattern or a format, which only the JSON grammar can force.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from glados_bots.errors import ParameterRefusedError
from glados_bots.inference.tools.formats import ElementBody
from glados_bots.wire.events import Tool

Kind = Literal["text", "text_or_null", "json"]
PLAIN_KEY = re.compile(r"[\w.$@:/-]{1,200}")
OF_TEXTS = frozenset("type enum const minLength maxLength title description default examples deprecated".split())
# What the top of a schema may hold, so that every set of its properties is right if each of them is
OF_OBJECTS = frozenset(
    """
    type properties required additionalProperties patternProperties $defs definitions $schema $id $comment title
    description default examples deprecated strict
    """.split()
)


@dataclass(frozen=True, slots=True)
class Element:
    """One argument."""

    key: str
    is_required: bool
    kind: Kind
    schema: Mapping[str, Any]  # with the definitions of the whole


def elements(tool: Tool, body: ElementBody) -> tuple[Element, ...]:
    """The arguments of a tool, in the order of its schema.

    Args:
        tool: with a checked schema.
        body: how this model writes them.

    Raises:
        ParameterRefusedError: the schema says something about the object that elements cannot keep.
    """
    schema = resolved(tool.parameters)
    strange = next((name for name in schema if name not in OF_OBJECTS and not name.startswith("x-")), None)
    if strange:
        reason = (
            "this model writes each argument by itself, so only properties and required are kept here; leave it out"
        )
        raise ParameterRefusedError(f"{tool.field}.{strange}", reason)
    properties, required = schema.get("properties", {}), schema.get("required", ())
    for key in (*properties, *required):
        if not PLAIN_KEY.fullmatch(key) or key not in properties:
            what = "" if key in properties else "; describe it in properties"
            reason = f"this model needs names of letters, digits, _, ., - and /{what}"
            raise ParameterRefusedError(f"{tool.field}.properties.{key}"[:200], reason)
    shared = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    return tuple(_element(key, value, body, key in required, shared) for key, value in properties.items())


def _element(key: str, value: Any, body: ElementBody, is_required: bool, shared: Mapping[str, Any]) -> Element:
    schema = {**value, **shared} if isinstance(value, Mapping) else {}
    return Element(key, is_required, "json" if body.is_quoted else kind(value), schema)


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema, or the definition that it is only another name for."""
    path = str(schema.get("$ref", "")).split("/")
    found = schema.get(path[1], {}).get(path[2]) if len(path) == 3 and path[0] == "#" else None  # noqa: PLR2004
    if not isinstance(found, Mapping):
        return schema
    shared = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    return {**shared, **found}


def kind(schema: Any) -> Kind:
    """How a value of this schema is written."""
    if _is_text(schema):
        return "text"
    return "text_or_null" if text_of(schema) is not None else "json"


def text_of(schema: Any) -> Mapping[str, Any] | None:
    """The schema of the string, if the value is a string or null; else None."""
    if not isinstance(schema, Mapping):
        return None
    if schema.get("type") in (["string", "null"], ["null", "string"]) and "enum" not in schema:
        plain = {**schema, "type": "string"}
        return plain if _is_text(plain) else None
    choices = schema.get("anyOf")
    rest = set(schema) - {"anyOf", "title", "description", "default"}
    if not isinstance(choices, list) or len(choices) != 2 or rest:  # noqa: PLR2004
        return None
    texts = [one for one in choices if _is_text(one)]
    return texts[0] if len(texts) == 1 and {"type": "null"} in choices else None


def _is_text(schema: Any) -> bool:
    if not isinstance(schema, Mapping) or not set(schema) <= OF_TEXTS:
        return False
    values = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
    return schema.get("type", "string" if values else "") == "string" and all(isinstance(one, str) for one in values)
