"""The kinds of value that a schema's keywords take. All other checks rely on them."""

from collections.abc import Iterator
from typing import Any

from glados_bots.inference.grammars.refusing import refused

NAMED = ("properties", "patternProperties", "$defs", "definitions")  # name -> schema
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
TEXTS = ("format", "pattern")
COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")


def check(root: Any, place: str) -> None:
    """Check the keywords of a schema and of all schemas within it, used or not. Linear in its size.

    Args:
        root: as parsed, not too deep.
        place: the field of the request that holds it.

    Raises:
        ParameterRefusedError: names the keyword.
    """
    waiting = [(root, place)]
    while waiting:
        schema, place = waiting.pop()
        if isinstance(schema, dict):
            for keyword, value in schema.items():
                if wanted := _wanted(keyword, value):
                    raise refused(f"{place}.{keyword}", f"give {wanted}")
            waiting.extend(_within(schema, place))


def _wanted(keyword: str, value: Any) -> str:
    """What a keyword takes, if this value is nothing of the kind."""
    if keyword in NAMED:
        return "" if isinstance(value, dict) else "an object of schemas"
    if keyword in LISTS:
        return "" if isinstance(value, list) else "a list of schemas"
    if keyword in TEXTS:
        return "" if isinstance(value, str) else "a text"
    if keyword == "required":
        return "" if _are_texts(value) else "a list of names"
    if keyword == "type":
        return "" if isinstance(value, str) or _are_texts(value) else "the name of a type, or a list of names"
    if keyword in COUNTS:
        return "" if _is_count(value) else "a whole number, 0 or more"
    return ""


def _within(schema: dict[str, Any], place: str) -> Iterator[tuple[Any, str]]:
    for keyword in NAMED:
        yield from ((one, f"{place}.{keyword}.{name}") for name, one in schema.get(keyword, {}).items())
    for keyword in LISTS:
        yield from ((one, f"{place}.{keyword}.{number}") for number, one in enumerate(schema.get(keyword, ())))
    items = schema.get("items")
    yield from ((one, f"{place}.items") for one in (items if isinstance(items, list) else [items]))
    yield from ((schema.get(keyword), f"{place}.{keyword}") for keyword in ("additionalItems", "additionalProperties"))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and value % 1 == 0
