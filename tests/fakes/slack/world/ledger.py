"""The ledger: everything a user would have seen, and every way in which the app misbehaved.

This is the oracle of the tests. It is append-only and knows nothing about the rules; the server writes, tests read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .models import JsonObject, Message, User

Key = tuple[str, str]
STATUS_LIFE_S = 120.0


@dataclass(frozen=True)
class Revision:
    """How a message looked from `time` on (seconds since 1970 on the fake's clock).

    Attributes:
        content: What a person reads (see `render.shown_text`).
        text: The `text` argument, which notifications show.
        streaming: It still looks unfinished.
        tasks: Task cards of a stream.
    """

    time: float
    content: str
    text: str = ""
    blocks: tuple[JsonObject, ...] = ()
    streaming: bool = False
    tasks: tuple[JsonObject, ...] = ()
    files: tuple[str, ...] = ()


@dataclass
class MessageRecord:
    """One message from its first revision to its deletion."""

    channel_id: str
    ts: str
    thread_ts: str | None
    author: User
    # None: everybody in the channel. Otherwise the id of the one user who sees an ephemeral message.
    visible_to: str | None
    broadcast: bool = False
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

    @property
    def blocks(self) -> tuple[JsonObject, ...]:
        """The newest blocks."""
        return self.revisions[-1].blocks

    @property
    def is_unfinished(self) -> bool:
        """Whether it looks as if more were to come: a stream that nobody stopped or rescued."""
        return self.revisions[-1].streaming


@dataclass(frozen=True)
class Ping:
    """A notification by a mention. `kind` is user, group or broadcast; `target` a user, a group, or channel, here."""

    channel_id: str
    ts: str
    author_id: str
    kind: str
    target: str
    by_edit: bool = False


@dataclass(frozen=True)
class Unfurl:
    """A link whose page Slack fetched and showed."""

    channel_id: str
    ts: str
    author_id: str
    url: str


@dataclass(frozen=True)
class RequestRecord:
    """One Web API call and its answer; status 0 means that the connection was dropped without one."""

    time: float
    method: str
    args: JsonObject
    team_id: str = ""
    status: int = 0
    error: str = ""
    # Why it was answered with 429: 'tier', 'channel', 'block' or 'scripted'.
    limited_by: str = ""
    # An earlier 429 had told the client to wait longer.
    avoidable: bool = False


@dataclass(frozen=True)
class DeliveryRecord:
    """One attempt to deliver something to the app.

    Attributes:
        kind: events_api, interactive or slash_commands.
        name: The event's or the interaction's type.
        event_id: For events.
        attempt: 0 for the first, then the retry's number.
        outcome: acked, or why not: timeout, closed, no_connection, http_<status>.
        about: For events of a message: its channel, a colon, and its timestamp.
    """

    time: float
    kind: str
    name: str
    event_id: str
    attempt: int
    outcome: str
    about: str = ""


@dataclass(frozen=True)
class Status:
    """A status line under a thread ("is thinking…"); an empty text takes it away."""

    time: float
    channel_id: str
    thread_ts: str
    text: str
    loading_messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prompts:
    """Suggested prompts shown in a conversation: (title, message) each."""

    channel_id: str
    thread_ts: str
    prompts: tuple[tuple[str, str], ...]
    title: str = ""


@dataclass(frozen=True)
class Failure:
    """An error that the person who clicked or typed was shown, because the app did not answer as it must."""

    user_id: str
    what: str
    error: str


@dataclass
class Ledger:
    """Records in the order in which they happened."""

    messages: dict[Key, MessageRecord] = field(default_factory=dict)
    pings: list[Ping] = field(default_factory=list)
    unfurls: list[Unfurl] = field(default_factory=list)
    requests: list[RequestRecord] = field(default_factory=list)
    deliveries: list[DeliveryRecord] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    prompts: list[Prompts] = field(default_factory=list)
    titles: dict[Key, str] = field(default_factory=dict)
    # Every session status of a thread, oldest first.
    sessions: dict[Key, list[str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    listeners: list[Callable[[], None]] = field(default_factory=list)

    def changed(self) -> None:
        """Tell those who wait that something was recorded."""
        for listener in list(self.listeners):
            listener()

    def saw(self, message: Message, revision: Revision) -> None:
        """Record how `message` looks now."""
        key = (message.channel.id, message.ts)
        record = self.messages.get(key)
        if record is None:
            record = MessageRecord(*key, message.thread_ts, message.author, message.visible_to)
            self.messages[key] = record
        record.broadcast = message.broadcast
        record.revisions.append(revision)
        self.changed()

    def deleted(self, message: Message, time: float) -> None:
        """Record that `message` is gone."""
        self.messages[message.channel.id, message.ts].deleted_at = time
        self.changed()

    def of(self, message: Message) -> MessageRecord:
        """The record of one message."""
        return self.messages[message.channel.id, message.ts]

    def by(self, author: User, channel_id: str | None = None, thread_ts: str | None = None) -> list[MessageRecord]:
        """Messages of `author` that still stand, oldest first; of one channel or thread if it is given."""
        return [
            record
            for record in self.messages.values()
            if record.author is author
            and record.deleted_at is None
            and channel_id in {None, record.channel_id}
            and thread_ts in {None, record.thread_ts, record.ts}
        ]

    @property
    def rate_limited(self) -> list[RequestRecord]:
        """Calls answered with 429."""
        return [request for request in self.requests if request.limited_by]

    @property
    def rate_limit_faults(self) -> list[RequestRecord]:
        """Calls that came although an earlier 429 had told the client to wait: its fault."""
        return [request for request in self.requests if request.avoidable]

    @property
    def refused(self) -> list[RequestRecord]:
        """Calls answered with `ok: false`."""
        return [request for request in self.requests if request.error]

    @property
    def unfinished(self) -> list[MessageRecord]:
        """Messages that stand and look as if more were to come."""
        return [one for one in self.messages.values() if one.is_unfinished and one.deleted_at is None]

    def calls(self, method: str) -> list[RequestRecord]:
        """Calls of one method."""
        return [request for request in self.requests if request.method == method]

    def status(self, channel_id: str, thread_ts: str, now: float | None = None) -> str:
        """The status line of a thread; empty when it was cleared, or was set more than two minutes before `now`."""
        where = (channel_id, thread_ts)
        found = [one for one in self.statuses if (one.channel_id, one.thread_ts) == where]
        is_over = bool(found) and now is not None and now - found[-1].time > STATUS_LIFE_S
        return found[-1].text if found and not is_over else ""

    def transcript(self, channel_id: str, thread_ts: str | None = None) -> str:
        """What stands in a channel now, a line a message, replies indented, for people and failure messages."""
        standing = [one for one in self.messages.values() if one.channel_id == channel_id and one.deleted_at is None]
        if thread_ts is not None:
            standing = [one for one in standing if thread_ts in {one.ts, one.thread_ts}]
        lines = []
        for one in sorted(standing, key=lambda record: (record.thread_ts or record.ts, record.ts)):
            indent = "  " if one.thread_ts not in {None, one.ts} else ""
            lines.append(f"{indent}{one.author.name}: {one.content}")
        return "\n".join(lines)
