"""The ledger: everything a user would have seen, and every way in which the client misbehaved.

This is the oracle of the tests. It is append-only and knows nothing about the rules; the server writes, tests read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .models import JsonObject, Message, User


@dataclass(frozen=True)
class Revision:
    """How a message looked from `time` on (seconds since 1970 on the fake's clock)."""

    time: float
    content: str
    components: tuple[JsonObject, ...] = ()
    embeds: tuple[JsonObject, ...] = ()
    loading: bool = False


@dataclass
class MessageRecord:
    """One message from its first revision to its deletion."""

    id: int
    channel_id: int
    author: User
    # None: everybody in the channel. Otherwise the one user who sees an ephemeral answer.
    visible_to: int | None
    revisions: list[Revision] = field(default_factory=list)
    deleted_at: float | None = None

    @property
    def content(self) -> str:
        """The newest text."""
        return self.revisions[-1].content

    @property
    def contents(self) -> list[str]:
        """Every text it ever had, oldest first."""
        return [revision.content for revision in self.revisions]


@dataclass(frozen=True)
class Ping:
    """A notification that somebody got. `target` is a user id, a role id, or 'everyone' or 'here'."""

    message_id: int
    author_id: int
    kind: str
    target: str
    by_edit: bool = False


@dataclass(frozen=True)
class Unfurl:
    """A link whose page Discord fetched and showed."""

    message_id: int
    author_id: int
    url: str


@dataclass(frozen=True)
class RequestRecord:
    """One REST call and its answer; status 0 means that the connection was dropped without one."""

    time: float
    method: str
    path: str
    status: int
    # Why it was answered with 429: 'bucket', 'global', 'cloudflare' or 'scripted'.
    limited_by: str = ""
    # The client had been told, by headers or by an earlier 429, that this call was too many.
    avoidable: bool = False


@dataclass
class Ledger:
    """Records in the order in which they happened."""

    messages: dict[int, MessageRecord] = field(default_factory=dict)
    pings: list[Ping] = field(default_factory=list)
    unfurls: list[Unfurl] = field(default_factory=list)
    requests: list[RequestRecord] = field(default_factory=list)
    typing: list[tuple[float, int]] = field(default_factory=list)
    listeners: list[Callable[[], None]] = field(default_factory=list)
    _by_channel: dict[int, list[MessageRecord]] = field(default_factory=dict)

    def saw(self, message: Message, time: float) -> None:
        """Record how `message` looks now."""
        record = self.messages.get(message.id)
        if record is None:
            record = MessageRecord(message.id, message.channel.id, message.author, message.visible_to)
            self.messages[message.id] = record
            self._by_channel.setdefault(record.channel_id, []).append(record)
        loading = bool(message.flags & message.flags.LOADING)
        record.revisions.append(
            Revision(time, message.content, tuple(message.components), tuple(message.embeds), loading)
        )
        self.changed()

    def deleted(self, message: Message, time: float) -> None:
        """Record that `message` is gone."""
        self.messages[message.id].deleted_at = time
        self.changed()

    def changed(self) -> None:
        """Tell those who wait that something was recorded."""
        for listener in list(self.listeners):
            listener()

    def of(self, message: Message | int) -> MessageRecord:
        """The record of one message."""
        return self.messages[message if isinstance(message, int) else message.id]

    def by(self, author: User, channel_id: int | None = None) -> list[MessageRecord]:
        """Messages of `author` that still stand, oldest first; of one channel if it is given."""
        records = self.messages.values() if channel_id is None else self._by_channel.get(channel_id, [])
        return [record for record in records if record.author.id == author.id and record.deleted_at is None]

    @property
    def rate_limited(self) -> list[RequestRecord]:
        """Calls answered with 429."""
        return [request for request in self.requests if request.limited_by]

    @property
    def rate_limit_faults(self) -> list[RequestRecord]:
        """Calls answered with 429 that the client could have known to be too many: its fault."""
        return [request for request in self.requests if request.avoidable]

    @property
    def invalid_requests(self) -> list[RequestRecord]:
        """Calls that count towards the ban after 10,000 in ten minutes: 401, 403 and 429."""
        return [request for request in self.requests if request.status in {401, 403, 429}]

    def transcript(self, channel_id: int) -> str:
        """What stands in a channel now, a line a message, for people and failure messages."""
        standing = [record for record in self._by_channel.get(channel_id, []) if record.deleted_at is None]
        return "\n".join(f"{record.author.name}: {record.content}" for record in standing)
