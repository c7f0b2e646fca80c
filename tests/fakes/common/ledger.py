"""The ledger: everything a user would have seen, and every way in which the client misbehaved.

This is the oracle of the tests. It is append-only and knows nothing about the rules; the server writes, tests read.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from tests.waiting import LONGEST_S

Id = TypeVar("Id", int, str)
Key = TypeVar("Key")


class Author(Protocol):
    """Who wrote a message."""

    @property
    def id(self) -> int | str: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class BaseRevision:
    """How a message looked from `time` on (seconds since 1970 on the fake's clock)."""

    time: float
    content: str


Revised = TypeVar("Revised", bound=BaseRevision)


@dataclass
class BaseRecord(Generic[Id, Revised]):
    """One message from its first revision to its deletion."""

    channel_id: Id
    author: Author
    # None: everybody in the channel. Otherwise the id of the one user who sees an ephemeral message.
    visible_to: Id | None
    revisions: list[Revised] = field(default_factory=list, init=False)
    deleted_at: float | None = field(default=None, init=False)

    @property
    def content(self) -> str:
        """The newest text."""
        return self.revisions[-1].content

    @property
    def contents(self) -> list[str]:
        """Every text it ever had, oldest first."""
        return [revision.content for revision in self.revisions]


@dataclass(frozen=True)
class BaseRequest:
    """One call and its answer; status 0 means that the connection was dropped without one."""

    time: float
    method: str
    status: int = 0
    # Why it was answered with 429, see the platform's limits; 'scripted' for a fault.
    limited_by: str = ""
    # The client had been told that this call was too many.
    avoidable: bool = False


Kept = TypeVar("Kept", bound=BaseRecord[Any, Any])
Asked = TypeVar("Asked", bound=BaseRequest)


@dataclass
class BaseLedger(Generic[Key, Kept, Asked]):
    """Records in the order in which they happened."""

    messages: dict[Key, Kept] = field(default_factory=dict)
    requests: list[Asked] = field(default_factory=list)
    listeners: list[Callable[[], None]] = field(default_factory=list)
    _by_channel: dict[int | str, list[Kept]] = field(default_factory=dict)

    def changed(self) -> None:
        """Tell those who wait that something was recorded."""
        for listener in list(self.listeners):
            listener()

    def entered(self, key: Key, new: Kept) -> Kept:
        """The record of a message; `new` where it has none yet."""
        if key not in self.messages:
            self.messages[key] = new
            self._by_channel.setdefault(new.channel_id, []).append(new)
        return self.messages[key]

    def standing(self, channel_id: int | str | None = None) -> list[Kept]:
        """Messages that still stand, oldest first; of one channel if it is given."""
        records = self.messages.values() if channel_id is None else self._by_channel.get(channel_id, [])
        return [record for record in records if record.deleted_at is None]

    def by(self, author: Author, channel_id: int | str | None = None) -> list[Kept]:
        """Messages of `author` that still stand, oldest first; of one channel if it is given."""
        return [record for record in self.standing(channel_id) if record.author.id == author.id]

    @property
    def rate_limited(self) -> list[Asked]:
        """Calls answered with 429."""
        return [request for request in self.requests if request.limited_by]

    @property
    def rate_limit_faults(self) -> list[Asked]:
        """Calls answered with 429 that the client could have known to be too many: its fault."""
        return [request for request in self.requests if request.avoidable]

    async def wait_for(self, condition: Callable[[], object], *, seconds: float = LONGEST_S, what: str = "") -> None:
        """Return as soon as the condition holds.

        Raises:
            TimeoutError: It did not within `seconds`; the text shows what was said.
        """
        changed = asyncio.Event()
        self.listeners.append(changed.set)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while not condition():
                if asyncio.get_running_loop().time() > deadline:
                    said = [f"{record.author.name}: {record.content}" for record in self.standing()]
                    raise TimeoutError(f"Waited {seconds} s in vain {what}; there stands {said}")
                changed.clear()
                # The condition may look at things beyond the ledger, so it is tried from time to time as well.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), timeout=0.02)
        finally:
            self.listeners.remove(changed.set)
