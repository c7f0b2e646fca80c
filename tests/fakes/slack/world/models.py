"""What exists on the fake Slack: workspaces, users, channels, messages, files, views."""

from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]


@dataclass(eq=False)
class Team:
    """A workspace; `enterprise_id` names its organisation on Enterprise Grid."""

    id: str
    name: str
    domain: str
    enterprise_id: str | None = None


@dataclass(eq=False)
class User:
    """An account of a workspace, a person's or a bot's."""

    id: str
    name: str
    team: Team = field(repr=False)
    # Set for bots: the id that stands in `bot_id` of their messages.
    bot_id: str = ""
    app_id: str = ""
    real_name: str = ""
    deleted: bool = False
    is_admin: bool = False
    # The language of their Slack, such as de-DE; empty where Slack knows none.
    locale: str = "en-US"

    @property
    def is_bot(self) -> bool:
        """Whether a program writes for it."""
        return bool(self.bot_id)

    @property
    def mention(self) -> str:
        """The token that mentions this user."""
        return f"<@{self.id}>"


@dataclass(eq=False)
class Channel:
    """A conversation.

    Attributes:
        kind: 'channel', 'group' (private), 'im' or 'mpim'.
        teams: Ids of the workspaces it belongs to: several make it a Slack Connect channel.
        members: Ids of users.
        refuses: An error code with which posting is refused, such as restricted_action_read_only_channel.
        locked_threads: Roots to which nobody may reply.
    """

    id: str
    name: str
    kind: str
    team: Team = field(repr=False)
    teams: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    messages: dict[str, "Message"] = field(default_factory=dict, repr=False)
    is_archived: bool = False
    refuses: str = ""
    locked_threads: set[str] = field(default_factory=set)

    @property
    def mention(self) -> str:
        """The token that links to this channel."""
        return f"<#{self.id}|{self.name}>"

    @property
    def is_shared(self) -> bool:
        """Whether several organisations are in it (Slack Connect)."""
        return len(self.teams) > 1

    @property
    def is_direct(self) -> bool:
        """Whether it is a direct conversation of two."""
        return self.kind == "im"


@dataclass(eq=False)
class File:
    """A file; `redirect_to` makes its address lead elsewhere, `external_url` makes it one that Slack only links to.

    Attributes:
        announced: The size that Slack tells; None for the true one.
        mode: As Slack tells it, such as snippet or post.
        looks: How often `files.info` was asked for it.
    """

    id: str
    name: str
    mimetype: str
    content: bytes = field(repr=False)
    owner: User = field(repr=False)
    url: str
    redirect_to: str = ""
    external_url: str = ""
    announced: int | None = None
    mode: str = "hosted"
    is_deleted: bool = False
    looks: int = 0


@dataclass(eq=False)
class Stream:
    """What a message has while, and after, text was streamed into it.

    Attributes:
        state: 'streaming', 'stopped' (by the app), 'stopped_by_user' or 'expired'.
        text: The markdown so far.
        tasks: Newest state of each task card by id.
    """

    app_id: str
    started_at: float
    touched_at: float
    state: str = "streaming"
    text: str = ""
    tasks: dict[str, JsonObject] = field(default_factory=dict)
    plan: str = ""
    chunk_blocks: list[JsonObject] = field(default_factory=list)
    final_blocks: list[JsonObject] = field(default_factory=list)


@dataclass(eq=False)
class Message:
    """A message as it stands now; how it came to be stands in the ledger."""

    ts: str
    channel: Channel
    author: User
    text: str = ""
    # Markdown given as `markdown_text`.
    markdown: str = ""
    blocks: list[JsonObject] = field(default_factory=list)
    attachments: list[JsonObject] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    thread_ts: str | None = None
    subtype: str = ""
    client_msg_id: str = ""
    edited_ts: str = ""
    broadcast: bool = False
    # The only user who sees it, for an ephemeral message.
    visible_to: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    metadata: JsonObject | None = None
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None
    # `parse=full` or `link_names`: plain @names are active.
    active_names: bool = False
    stream: Stream | None = field(default=None, repr=False)
    # Who pinned it where and when, as Slack tells it; None while it is not pinned.
    pinned: JsonObject | None = None
    shown_name: str = ""

    @property
    def root(self) -> str:
        """The timestamp that names its thread, whether or not there are replies yet."""
        return self.thread_ts or self.ts

    @property
    def pressable(self) -> list[JsonObject]:
        """Blocks with something to press: a stream shows those that travelled in it."""
        return self.blocks or (self.stream.chunk_blocks if self.stream is not None else [])

    @property
    def is_reply(self) -> bool:
        """Whether it stands in the thread of another message."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(eq=False)
class View:
    """A modal or an App Home."""

    id: str
    user: User
    payload: JsonObject
    hash: str
    external_id: str = ""
    root_id: str = ""
    previous_id: str | None = None
    is_open: bool = True
    # Errors by block id that the app answered the last submission with.
    errors: JsonObject = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title that the person reads; empty for a home."""
        return str((self.payload.get("title") or {}).get("text", ""))
