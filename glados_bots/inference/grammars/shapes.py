"""The kinds of value that a schema's keywords take. All other checks rely on them."""

from collections.abc import Callable, Iterator
from typing import Any

from glados_bots.inference.grammars.refusing import below, refused

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
                    raise refused(below(place, keyword), f"give {wanted}")
            waiting.extend(_within(schema, place))


def _wanted(keyword: str, value: Any) -> str:
    """What a keyword takes, if this value is nothing of the kind."""
    takes, wanted = KINDS.get(keyword, (None, ""))
    return "" if takes is None or takes(value) else wanted


def _within(schema: dict[str, Any], place: str) -> Iterator[tuple[Any, str]]:
    for keyword in NAMED:
        yield from ((one, below(place, keyword, name)) for name, one in schema.get(keyword, {}).items())
    for keyword in LISTS:
        yield from ((one, below(place, keyword, number)) for number, one in enumerate(schema.get(keyword, ())))
    items = schema.get("items")
    yield from ((one, below(place, "items")) for one in (items if isinstance(items, list) else [items]))
    yield from ((schema.get(keyword), below(place, keyword)) for keyword in ("additionalItems", "additionalProperties"))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and value % 1 == 0


def _is_type(value: Any) -> bool:
    return _is_text(value) or _are_texts(value)


# keyword -> (whether it takes a value, what it takes)
KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(NAMED, (lambda value: isinstance(value, dict), "an object of schemas")),
    **dict.fromkeys(LISTS, (lambda value: isinstance(value, list), "a list of schemas")),
    **dict.fromkeys(TEXTS, (_is_text, "a text")),
    **dict.fromkeys(COUNTS, (_is_count, "a whole number, 0 or more")),
    "required": (_are_texts, "a list of names"),
    "type": (_is_type, "the name of a type, or a list of names"),
}
