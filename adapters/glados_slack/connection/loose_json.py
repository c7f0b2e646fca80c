"""Reads other servers' JSON, which may be anything: nothing here trusts it."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def mappings(found: object) -> list[Json]:
    """Those entries of a list that are objects; none where it is no list."""
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def text_of(part: Json, name: str) -> str:
    """A field that is text; empty where it is missing, or anything else."""
    found = part.get(name)
    return found if isinstance(found, str) else ""
