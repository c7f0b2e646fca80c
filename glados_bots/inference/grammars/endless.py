"""Finds schemas that no finite document satisfies: `false` in a required place, and recursion without an end."""

from collections.abc import Mapping
from typing import Any

from glados_bots.inference.grammars.references import target

PLAIN = frozenset("null boolean number integer string".split())  # types whose values hold no others


class Endings:
    """Which of a schema's parts a finite document can satisfy.

    Args:
        root: the whole schema, checked.
        parts: the schemas that it uses, by `id`.
    """

    def __init__(self, root: Any, parts: Mapping[int, dict[str, Any]]) -> None:
        self._root = root
        self._ending: set[int] = set()
        backwards = [*parts.items()][::-1]  # what stands within a schema mostly comes after it
        grows = True
        while grows:
            new = {key for key, schema in backwards if key not in self._ending and self._ends(schema)}
            self._ending |= new
            grows = bool(new)

    def can_end(self, schema: Any) -> bool:
        return schema if isinstance(schema, bool) else id(schema) in self._ending

    def _ends(self, schema: dict[str, Any]) -> bool:
        if "$ref" in schema and not self.can_end(target(self._root, schema["$ref"])):
            return False
        if not all(map(self.can_end, _listed(schema, "allOf"))):
            return False
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema and not any(map(self.can_end, _listed(schema, keyword))):
                return False
        if "const" in schema or "enum" in schema:
            return True
        types = schema.get("type", "null")
        types = set(types if isinstance(types, list) else [types])
        return bool(
            types & PLAIN or ("array" in types and self._array(schema)) or ("object" in types and self._object(schema))
        )

    def _array(self, schema: dict[str, Any]) -> bool:
        least, first = schema.get("minItems", 0), _listed(schema, "prefixItems")
        items = schema.get("items", True)
        if isinstance(items, list):
            first, items = items, schema.get("additionalItems", True)
        return all(map(self.can_end, first[:least])) and (least <= len(first) or self.can_end(items))

    def _object(self, schema: dict[str, Any]) -> bool:
        named = schema.get("properties", {})
        others = True if "patternProperties" in schema else schema.get("additionalProperties", True)
        return all(self.can_end(named.get(name, others)) for name in schema.get("required", ()))


def _listed(schema: dict[str, Any], keyword: str) -> list[Any]:
    found = schema.get(keyword, [])
    return found if isinstance(found, list) else []
