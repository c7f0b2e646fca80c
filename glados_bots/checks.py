"""One finding of `glados doctor`. Adapters report theirs in the same form."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and what to do when it is not right."""

    name: str
    state: Literal["ok", "warn", "fail"]
    finding: str
    remedy: str = ""

    @property
    def mark(self) -> str:
        """A sign for the terminal."""
        return {"ok": "✓", "warn": "!", "fail": "✗"}[self.state]
