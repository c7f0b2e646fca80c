"""What is recorded on Discord: see `tests.fakes.common.ledger`."""

from dataclasses import dataclass, field

from tests.fakes.common.ledger import BaseLedger, BaseRecord, BaseRequest, BaseRevision

from .models import JsonObject, Message


@dataclass(frozen=True)
class Revision(BaseRevision):
    """How a message looked; `loading` as long as it only says that the bot is thinking. Files by name and content."""

    components: tuple[JsonObject, ...] = ()
    embeds: tuple[JsonObject, ...] = ()
    loading: bool = False
    files: tuple[tuple[str, bytes], ...] = ()


@dataclass
class MessageRecord(BaseRecord[int, Revision]):
    """One message."""

    id: int


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
class RequestRecord(BaseRequest):
    """One REST call. What limits it: 'bucket', 'global', 'cloudflare', 'resource' or 'scripted'."""

    path: str = ""


@dataclass
class Ledger(BaseLedger[int, MessageRecord, RequestRecord]):
    """Records in the order in which they happened; messages by their id."""

    pings: list[Ping] = field(default_factory=list)
    unfurls: list[Unfurl] = field(default_factory=list)
    typing: list[tuple[float, int]] = field(default_factory=list)

    def saw(self, message: Message, time: float) -> None:
        """Record how `message` looks now."""
        new = MessageRecord(message.channel.id, message.author, message.visible_to, message.id)
        loading = bool(message.flags & message.flags.LOADING)
        files = tuple((one.filename, one.content) for one in message.attachments)
        self.entered(message.id, new).revisions.append(
            Revision(time, message.content, tuple(message.components), tuple(message.embeds), loading, files)
        )
        self.changed()

    def deleted(self, message: Message, time: float) -> None:
        """Record that `message` is gone."""
        self.of(message).deleted_at = time
        self.changed()

    def of(self, message: Message | int) -> MessageRecord:
        """The record of one message."""
        return self.messages[message if isinstance(message, int) else message.id]

    @property
    def invalid_requests(self) -> list[RequestRecord]:
        """Calls that count towards the ban after 10,000 in ten minutes: 401, 403 and 429."""
        return [request for request in self.requests if request.status in {401, 403, 429}]

    def transcript(self, channel_id: int) -> str:
        """What stands in a channel now, a line a message, for people and failure messages."""
        return "\n".join(f"{record.author.name}: {record.content}" for record in self.standing(channel_id))
