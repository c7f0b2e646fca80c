"""The values of a schema's keywords: refuses those that contradict one another, or are kept inexactly."""

from math import isfinite
from typing import Any, TypeGuard

from glados_bots.inference.grammars.refusing import refused

MOST_REPEATED = 100_000  # characters, items or properties that a bound may name
EXACT = 2**53  # whole numbers up to this size are exact as float64, in which llguidance reads bounds
LARGEST_FACTOR = 10_000  # digits of `multipleOf`, as a whole number: more take seconds to compile
MOST_PARTS = 1_000  # schemas in one keyword: more take seconds to compile
WITH_PARTS = ("properties", "patternProperties", "allOf", "anyOf", "oneOf", "prefixItems", "items")
COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
FORMATS = frozenset("date-time time date duration email hostname ipv4 ipv6 uuid uri".split())


def check(schema: dict[str, Any], place: str) -> None:
    """Check the keywords of one schema, but not those of the schemas within it; 2.0 becomes 2.

    Raises:
        ParameterRefusedError: names the keyword.
    """
    for keyword in COUNTS:
        if isinstance(schema.get(keyword), float) and schema[keyword].is_integer():
            schema[keyword] = int(schema[keyword])
        if _number(schema.get(keyword)) and schema[keyword] > MOST_REPEATED:
            raise refused(f"{place}.{keyword}", f"at most {MOST_REPEATED} is kept")
    for keyword in WITH_PARTS:
        if isinstance(schema.get(keyword), dict | list) and len(schema[keyword]) > MOST_PARTS:
            raise refused(f"{place}.{keyword}", f"it has {len(schema[keyword])} parts; at most {MOST_PARTS} are kept")
    for low, high in (COUNTS[0:2], COUNTS[2:4], COUNTS[4:6]):
        _require_order(schema, low, high, place)
    _check_numbers(schema, place)
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        raise refused(f"{place}.enum", "give a list with at least one value")
    if "format" in schema and _may_be(schema, "string") and schema["format"] not in FORMATS:
        raise refused(f"{place}.format", f"kept are {', '.join(sorted(FORMATS))}; leave it out")
    named = len(schema["required"]) if isinstance(schema.get("required"), list) else 0
    if _number(schema.get("minProperties")) and schema["minProperties"] > named + 1:
        # the mask does not remember names, so further properties could be one name, repeated
        raise refused(
            f"{place}.minProperties", f"with {named} required properties, at most {named + 1} is kept; name more"
        )


def _check_numbers(schema: dict[str, Any], place: str) -> None:
    for keyword in BOUNDS:
        value = schema.get(keyword)
        if _number(value) and not (abs(value) <= EXACT and isfinite(value)):
            raise refused(f"{place}.{keyword}", f"bounds are kept up to {EXACT}")
    for low in ("minimum", "exclusiveMinimum"):
        for high in ("maximum", "exclusiveMaximum"):
            _require_order(schema, low, high, place, strict="exclusive" in low + high)
    factor = schema.get("multipleOf")
    if _number(factor) and not 0 < _whole(factor) <= LARGEST_FACTOR:
        raise refused(f"{place}.multipleOf", f"kept are numbers above 0, with digits up to {LARGEST_FACTOR}")


def _require_order(schema: dict[str, Any], low: str, high: str, place: str, *, strict: bool = False) -> None:
    least, most = schema.get(low), schema.get(high)
    if _number(least) and _number(most) and (least > most or (strict and least == most)):
        raise refused(f"{place}.{low}", f"it contradicts {high}; change one of them")


def _may_be(schema: dict[str, Any], kind: str) -> bool:
    types = schema.get("type", kind)
    return kind in (types if isinstance(types, list) else [types])


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(factor: float) -> int:
    """The digits of a number, without its decimal point."""
    digits = f"{factor:.12f}".rstrip("0").replace(".", "")
    return int(digits)
