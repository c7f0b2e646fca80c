"""How GLaDOS finds a chat platform: an entry point in the group `glados_bots.adapters` names a `Platform`.

A new platform needs its folder in adapters/, its tests and one line of pyproject.toml; nothing changes here.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from glados_bots.errors import ConfigError
from glados_bots.settings import Settings

if TYPE_CHECKING:  # importing it takes longer than rendering an answer
    from glados_bots.store.store import Store

GROUP = "glados_bots.adapters"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of `glados doctor`: what was found, and what to do if something is wrong."""

    name: str
    state: Literal["ok", "warn", "fail"]
    finding: str
    remedy: str = ""

    @property
    def mark(self) -> str:
        return {"ok": "✓", "warn": "!", "fail": "✗"}[self.state]


@dataclass(frozen=True, slots=True)
class Platform:
    """One adapter, as the command line and the supervisor see it."""

    name: str  # its command (`glados NAME`) and its part of every Redis key
    summary: str  # one line for `--help`
    configured: Callable[[], bool]  # whether its settings suffice to run it, for example whether its token is set
    run: Callable[[Settings], None]  # runs it until SIGTERM or SIGINT; returns when running answers have ended
    # Yields the findings of `glados doctor` about it; None if there are none. May raise ConfigError
    examine: Callable[[], Iterator[Check]] | None = None
    # More ids under which a person's questions are stored; None if one id is all. Raises StoreUnavailableError
    ids_of: "Callable[[Store, str], Awaitable[tuple[str, ...]]] | None" = None


def require(library: str, name: str, extra: str) -> None:
    """Raise ConfigError with the remedy if an adapter's library is not installed."""
    if find_spec(library) is None:
        raise ConfigError(f"{name} is not installed; run `pip install 'glados-bots[{extra}]'`")


def installed() -> dict[str, Platform]:
    """All platforms of this installation, by name."""
    found = (entry.load() for entry in entry_points(group=GROUP))
    return {platform.name: platform for platform in found}
