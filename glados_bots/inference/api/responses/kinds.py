"""Objects that say by their `type` what they are."""

from collections.abc import Callable
from typing import Any, get_args

from pydantic import BaseModel, BeforeValidator


def one_of(*classes: type[BaseModel], default: str = "") -> BeforeValidator:
    """Read an object by the class that names its `type`, see `reader`."""
    return BeforeValidator(reader(*classes, default=default))


def reader(*classes: type[BaseModel], default: str = "") -> Callable[[Any], Any]:
    """Reads an object by the class that names its `type`. So an error names the place in this class only.

    Args:
        classes: the literal of each class's `type` says what it reads.
        default: the type of an object that names none.
    """
    kinds = {kind: one for one in classes for kind in get_args(one.model_fields["type"].annotation)}

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("give an object")  # noqa: TRY004 - only a ValueError becomes an answer
        kind = value.get("type", default)
        if not isinstance(kind, str) or kind not in kinds:
            raise ValueError(f"this service does not offer this type; it offers {', '.join(kinds)}")
        return kinds[kind].model_validate({**value, "type": kind})

    return read
