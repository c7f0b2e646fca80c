"""What exists on the fake Discord: users, guilds, roles, channels, threads, messages and interactions."""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

from .permissions import EVERYONE_DEFAULT, NONE, Permission

JsonObject = dict[str, Any]


class ChannelType(IntEnum):
    """Kinds of channel (values: Discord's documentation, "Channel Types")."""

    TEXT = 0
    DM = 1
    VOICE = 2
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15


class MessageType(IntEnum):
    """Kinds of message that the fake makes."""

    DEFAULT = 0
    PINNED_MESSAGE = 6
    MEMBER_JOIN = 7
    THREAD_CREATED = 18
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    THREAD_STARTER = 21
    CONTEXT_MENU_COMMAND = 23


# All kinds but those that Discord writes itself.
WRITTEN = {
    MessageType.DEFAULT,
    MessageType.REPLY,
    MessageType.CHAT_INPUT_COMMAND,
    MessageType.CONTEXT_MENU_COMMAND,
}


class MessageFlag(IntFlag):
    """Flags on a message that change what the server does."""

    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    HAS_SNAPSHOT = 1 << 14
    COMPONENTS_V2 = 1 << 15


@dataclass(eq=False)
class User:
    """An account, a person's or a bot's."""

    id: int
    name: str
    bot: bool = False
    # Direct messages from bots are refused with 50007.
    dms_closed: bool = False
    # The language of their client; bots learn it from interactions only.
    locale: str = "en-US"

    @property
    def mention(self) -> str:
        """The text that mentions this user."""
        return f"<@{self.id}>"


@dataclass(eq=False)
class Role:
    """A role of a guild; `managed_by` is the bot for which Discord made it."""

    id: int
    name: str
    permissions: Permission = NONE
    mentionable: bool = False
    managed_by: int | None = None

    @property
    def mention(self) -> str:
        """The text that mentions everybody with this role."""
        return f"<@&{self.id}>"


@dataclass(eq=False)
class Member:
    """A user in a guild."""

    user: User
    joined_at: float
    role_ids: list[int] = field(default_factory=list)
    nick: str | None = None
    timed_out_until: float = 0.0

    def is_timed_out(self, now: float) -> bool:
        """Whether a moderator has silenced the member for the time being."""
        return now < self.timed_out_until


@dataclass(eq=False)
class Guild:
    """A server; the role with the guild's own id is @everyone."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict, repr=False)
    members: dict[int, Member] = field(default_factory=dict, repr=False)
    channels: dict[int, "Channel"] = field(default_factory=dict, repr=False)
    threads: dict[int, "Channel"] = field(default_factory=dict, repr=False)
    unavailable: bool = False
    # Only a Community server can choose one.
    preferred_locale: str = "en-US"
    is_community: bool = False
    max_active_threads: int = 1000
    # Texts that the guild's automatic moderation refuses, with 200000.
    blocked_words: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.roles[self.id] = Role(self.id, "@everyone", EVERYONE_DEFAULT)

    @property
    def features(self) -> list[str]:
        """What the server has beyond others, in Discord's words."""
        return ["COMMUNITY"] if self.is_community else []


@dataclass
class Overwrite:
    """What one channel allows or denies one role or member."""

    allow: Permission = NONE
    deny: Permission = NONE
    is_member: bool = False


@dataclass(eq=False)
class ThreadState:
    """What a thread has beyond a channel."""

    owner_id: int
    changed_at: float
    archived: bool = False
    locked: bool = False
    auto_archive_minutes: int = 1440
    member_ids: set[int] = field(default_factory=set)


@dataclass(eq=False)
class Channel:
    """A place for messages: of a guild, a thread below one, or a direct conversation."""

    id: int
    type: ChannelType
    name: str
    guild: Guild | None = field(default=None, repr=False)
    parent: "Channel | None" = field(default=None, repr=False)
    thread: ThreadState | None = None
    recipient_ids: set[int] = field(default_factory=set)
    overwrites: dict[int, Overwrite] = field(default_factory=dict, repr=False)
    messages: dict[int, "Message"] = field(default_factory=dict, repr=False)
    slowmode_s: int = 0

    @property
    def mention(self) -> str:
        """The text that links to this channel."""
        return f"<#{self.id}>"

    @property
    def kind(self) -> str:
        """Its type, as a person reads it."""
        return self.type.name.lower()

    @property
    def is_private_thread(self) -> bool:
        """Whether only its members see it."""
        return self.type is ChannelType.PRIVATE_THREAD


@dataclass(eq=False)
class Attachment:
    """A file on a message; its signed address stops working after a day. `announced` is a size that is a lie."""

    id: int
    filename: str
    content_type: str
    content: bytes = field(repr=False)
    url: str
    announced: int | None = None


@dataclass(eq=False)
class Message:
    """A message as it stands now; how it came to be stands in the ledger."""

    id: int
    channel: Channel
    author: User
    created_at: float
    content: str = ""
    type: MessageType = MessageType.DEFAULT
    edited_at: float | None = None
    flags: MessageFlag = field(default_factory=lambda: MessageFlag(0))
    embeds: list[JsonObject] = field(default_factory=list)
    components: list[JsonObject] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    reference: JsonObject | None = None
    mentioned_users: list[User] = field(default_factory=list)
    mentioned_roles: list[Role] = field(default_factory=list)
    mentions_everyone: bool = False
    nonce: str | None = None
    webhook_id: int | None = None
    thread: Channel | None = field(default=None, repr=False)
    reactions: dict[str, set[int]] = field(default_factory=dict, repr=False)
    interaction: JsonObject | None = None
    # The only user who sees it, for an ephemeral answer.
    visible_to: int | None = None
    recent_late_edits: list[float] = field(default_factory=list)
    pinned: bool = False
    poll: JsonObject | None = None
    stickers: list[JsonObject] = field(default_factory=list)
    # What a forwarded message looked like; it has no text of its own.
    snapshots: list[JsonObject] = field(default_factory=list)
