"""References within a JSON schema: JSON pointers, as `$ref` holds them."""

from typing import Any
from urllib.parse import unquote


def is_local(reference: Any) -> bool:
    return isinstance(reference, str) and (reference == "#" or reference.startswith("#/"))


def names(reference: str) -> list[str]:
    """The names that a local reference follows from the root."""
    return [unquote(name).replace("~1", "/").replace("~0", "~") for name in reference[1:].split("/")[1:]]


def target(root: Any, reference: str) -> Any:
    """What a local reference points to. Raises LookupError."""
    found = root
    for name in names(reference):
        if isinstance(found, list) and name.isdecimal():
            found = found[int(name)]
        elif isinstance(found, dict):
            found = found[name]
        else:
            raise KeyError(name)
    return found
