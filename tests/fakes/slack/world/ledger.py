"""What is recorded on Slack: see `tests.fakes.common.ledger`."""

from dataclasses import dataclass, field

from tests.fakes.common.ledger import Author, BaseLedger, BaseRecord, BaseRequest, BaseRevision

from .models import JsonObject, Message

Key = tuple[str, str]
STATUS_LIFE_S = 120.0


@dataclass(frozen=True)
class Revision(BaseRevision):
    """How a message looked; `content` is what a person reads (see `render.shown_text`).

    Attributes:
        text: The `text` argument, which notifications show.
        streaming: It still looks unfinished.
        tasks: Task cards of a stream.
    """

    text: str = ""
    blocks: tuple[JsonObject, ...] = ()
    streaming: bool = False
    tasks: tuple[JsonObject, ...] = ()
    files: tuple[str, ...] = ()


@dataclass
class MessageRecord(BaseRecord[str, Revision]):
    """One message."""

    ts: str
    thread_ts: str | None
    broadcast: bool = False

    @property
    def blocks(self) -> tuple[JsonObject, ...]:
        """The newest blocks."""
        return self.revisions[-1].blocks

    @property
    def is_unfinished(self) -> bool:
        """Whether it looks as if more were to come: a stream that nobody stopped or rescued."""
        return self.revisions[-1].streaming

    @property
    def is_reply(self) -> bool:
        """Whether it stands in the thread of another message."""
        return self.thread_ts not in {None, self.ts}


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
class RequestRecord(BaseRequest):
    """One Web API call. What limits it: 'tier', 'channel', 'block' or 'scripted'."""

    args: JsonObject = field(default_factory=dict)
    team_id: str = ""
    error: str = ""


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
class Ledger(BaseLedger[Key, MessageRecord, RequestRecord]):
    """Records in the order in which they happened; messages by channel and timestamp."""

    pings: list[Ping] = field(default_factory=list)
    unfurls: list[Unfurl] = field(default_factory=list)
    deliveries: list[DeliveryRecord] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    prompts: list[Prompts] = field(default_factory=list)
    titles: dict[Key, str] = field(default_factory=dict)
    # Every session status of a thread, oldest first.
    sessions: dict[Key, list[str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def saw(self, message: Message, revision: Revision) -> None:
        """Record how `message` looks now."""
        channel_id, ts = message.channel.id, message.ts
        new = MessageRecord(channel_id, message.author, message.visible_to, ts, message.thread_ts)
        record = self.entered((channel_id, ts), new)
        record.broadcast = message.broadcast
        record.revisions.append(revision)
        self.changed()

    def deleted(self, message: Message, time: float) -> None:
        """Record that `message` is gone."""
        self.of(message).deleted_at = time
        self.changed()

    def of(self, message: Message) -> MessageRecord:
        """The record of one message."""
        return self.messages[message.channel.id, message.ts]

    def by(
        self, author: Author, channel_id: int | str | None = None, thread_ts: str | None = None
    ) -> list[MessageRecord]:
        """Messages of `author` that still stand, oldest first; of one channel or thread if it is given."""
        return [one for one in super().by(author, channel_id) if thread_ts in {None, one.thread_ts, one.ts}]

    @property
    def refused(self) -> list[RequestRecord]:
        """Calls answered with `ok: false`."""
        return [request for request in self.requests if request.error]

    @property
    def unfinished(self) -> list[MessageRecord]:
        """Messages that stand and look as if more were to come."""
        return [one for one in self.standing() if one.is_unfinished]

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
        standing = [one for one in self.standing(channel_id) if thread_ts in {None, one.ts, one.thread_ts}]
        standing.sort(key=lambda record: (record.thread_ts or record.ts, record.ts))
        return "\n".join(f"{'  ' * one.is_reply}{one.author.name}: {one.content}" for one in standing)
