"""JSON schemas: refuses what the token mask does not keep, and what nothing can satisfy, by keyword and place.

llguidance keeps the most. It refuses some keywords itself, but without a place. It leaves out others, and it reads some
values in a way that lets wrong documents through. `check` finds all of these before llguidance sees the schema.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from glados_bots.inference.grammars import exclusive, patterns, references, shapes, values
from glados_bots.inference.grammars.endless import Endings
from glados_bots.inference.grammars.refusing import below, refused

DEEPEST = 100  # objects and lists within one another; llguidance's parser of JSON reads 127
# Keywords that assert something, and that llguidance refuses or leaves out
NOT_KEPT = frozenset(
    """
    $dynamicAnchor $dynamicRef $recursiveAnchor $recursiveRef contains contentSchema dependencies dependentRequired
    dependentSchemas if not propertyNames unevaluatedItems unevaluatedProperties uniqueItems
    """.split()
)
ASKS_FOR_NOTHING = {
    "uniqueItems": False,
    "unevaluatedItems": True,
    "unevaluatedProperties": True,
    "propertyNames": True,
}
WITH_SCHEMAS = ("properties", "patternProperties")  # name -> schema
WITH_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
WITH_ONE = ("items", "additionalItems", "additionalProperties")
# Keywords that mean nothing without another one
LOST_WITHOUT = {"then": "if", "else": "if", "minContains": "contains", "maxContains": "contains"}
DRAFTS = re.compile(r"https?://json-schema\.org/(draft(-0[467]|/2019-09|/2020-12)/)?schema#?")


@dataclass(frozen=True, slots=True)
class Part:
    """A schema within the whole one."""

    schema: Any
    place: str  # such as `response_format.json_schema.schema.properties.a`

    def at(self, *names: str | int) -> str:
        return below(self.place, *names)


def check(schema: Any, place: str) -> None:
    """Refuse a schema that cannot be kept. Removes keywords that ask for nothing from it.

    Args:
        schema: as parsed; changed in place.
        place: the field of the request that holds it.

    Raises:
        ParameterRefusedError: names the keyword and its place.
    """
    _require_shallow(schema, place)
    shapes.check(schema, place)
    parts = list(_reached(schema, place))
    endings = Endings(schema, {id(part.schema): part.schema for part in parts})
    if not endings.can_end(schema):
        lost = next((part for part in reversed(parts) if not endings.can_end(part.schema)), Part(schema, place))
        raise refused(lost.place, "no document can satisfy this; change it")


def children(schema: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The schemas directly within one, with their places in it."""
    for keyword in WITH_SCHEMAS:
        found = schema.get(keyword)
        if isinstance(found, dict):
            yield from (((keyword, name), one) for name, one in found.items())
    for keyword in (*WITH_LIST, "items"):
        found = schema.get(keyword)
        if isinstance(found, list):
            yield from (((keyword, number), one) for number, one in enumerate(found))
    for keyword in WITH_ONE:
        if keyword in schema and not isinstance(schema[keyword], list):
            yield (keyword,), schema[keyword]


def _require_shallow(schema: Any, place: str) -> None:
    level, depth = [schema], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        if depth > DEEPEST:
            raise refused(place, f"it is nested more than {DEEPEST} deep; use $defs and $ref")
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]


def _reached(root: Any, place: str) -> Iterator[Part]:
    """Every schema that the whole one uses, checked."""
    waiting, seen = [Part(root, place)], set[int]()
    while waiting:
        part = waiting.pop()
        if isinstance(part.schema, bool):
            continue
        if not isinstance(part.schema, dict):
            raise refused(part.place, "a schema is an object, true or false")
        if id(part.schema) in seen:
            continue
        seen.add(id(part.schema))
        _check_keywords(part, is_root=part.schema is root)
        values.check(part.schema, part.place)
        exclusive.settle(part.schema, root)
        yield part
        waiting.extend(Part(one, part.at(*names)) for names, one in reversed(list(children(part.schema))))
        if "$ref" in part.schema:
            waiting.append(_referred(root, part, place))


def _referred(root: Any, part: Part, place: str) -> Part:
    reference = part.schema["$ref"]
    if not references.is_local(reference):
        raise refused(part.at("$ref"), "only references within the schema (#/…) are kept")
    try:
        found = references.target(root, reference)
    except LookupError as error:
        raise refused(part.at("$ref"), "it points to nothing") from error
    return Part(found, ".".join([place, *references.names(reference)]))


def _check_keywords(part: Part, *, is_root: bool) -> None:
    schema = part.schema
    for keyword in [name for name in schema if name in NOT_KEPT]:
        if keyword not in ASKS_FOR_NOTHING or schema[keyword] is not ASKS_FOR_NOTHING[keyword]:
            raise refused(part.at(keyword), "this keyword is not kept; leave it out")
        del schema[keyword]
    if "$id" in schema and not is_root:
        raise refused(part.at("$id"), "only the whole schema may have an id; leave it out")
    if "$schema" in schema and not DRAFTS.fullmatch(str(schema["$schema"])):
        raise refused(part.at("$schema"), "kept are the drafts 04 to 2020-12; leave it out")
    for keyword in [name for name in schema if name in LOST_WITHOUT and LOST_WITHOUT[name] not in schema]:
        del schema[keyword]
    if isinstance(schema.get("pattern"), str):
        patterns.check(schema["pattern"], part.at("pattern"))
    found = schema.get("patternProperties")
    for pattern in found if isinstance(found, dict) else ():
        patterns.check(pattern, part.at("patternProperties", pattern))
