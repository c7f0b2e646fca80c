"""The world of the fake: everything that exists, looked up by id, and the events that changes to it set off."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.fakes.common.limits import Limit

from .clock import Clock
from .errors import ApiError
from .grants import channel_permissions
from .ledger import Ledger
from .models import Attachment, Channel, ChannelType, Guild, JsonObject, Message, User
from .permissions import Permission

ATTACHMENT_LIFE_S = 24 * 3600
# Name, content type, content.
NewFile = tuple[str, str, bytes]


@dataclass(frozen=True)
class Event:
    """One dispatch before it is cut to what a session may see.

    Attributes:
        name: The event's name, such as MESSAGE_CREATE.
        data: Its payload.
        guild_id: The guild it happened in; None for direct messages.
        channel: The channel that the bot must be able to see; None for events without one.
        content_is_open: The text is delivered without the content intent too.
    """

    name: str
    data: JsonObject
    guild_id: int | None = None
    channel: Channel | None = None
    content_is_open: bool = True


@dataclass
class Application:
    """The bot's entry in the developer portal."""

    id: int
    # The privileged intents switched on there (bits); asking for others ends in 4014.
    privileged_intents: int
    max_commands: int = 100


@dataclass(eq=False)
class World:
    """All state of one fake."""

    clock: Clock
    application: Application
    bot: User
    ledger: Ledger = field(default_factory=Ledger)
    users: dict[int, User] = field(default_factory=dict)
    guilds: dict[int, Guild] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    attachments: dict[int, Attachment] = field(default_factory=dict)
    # Commands by guild id; global ones under None.
    commands: dict[int | None, list[JsonObject]] = field(default_factory=dict)
    nonces: dict[tuple[int, int, str], tuple[int, float]] = field(default_factory=dict)
    # Edits of a message older than an hour (30046); seen in practice, not documented.
    late_edits: Limit = field(default_factory=lambda: Limit(3, 20.0))
    harmful_links: set[str] = field(default_factory=set)
    publish: Callable[[Event], None] = lambda _: None
    cdn_base: str = ""
    largest_file: int = 10 * 2**20  # bytes

    def emit(self, name: str, data: JsonObject, channel: Channel | None = None, guild: Guild | None = None) -> None:
        """Send an event to every session that may see it."""
        where = guild or (channel.guild if channel is not None else None)
        self.publish(Event(name, data, None if where is None else where.id, channel))

    def permissions(self, channel: Channel, user: User) -> Permission:
        """What `user` may do in `channel` now."""
        return channel_permissions(channel, user, self.clock.now())

    def channel(self, channel_id: int, user: User) -> Channel:
        """The channel, if `user` may see it.

        Raises:
            ApiError: 10003 if there is none, 50001 if the user does not see it.
        """
        channel = self.channels.get(channel_id)
        if channel is None:
            raise ApiError(10003)
        if not self.permissions(channel, user) & Permission.VIEW_CHANNEL:
            raise ApiError(50001)
        return channel

    def require(self, channel: Channel, user: User, needed: Permission) -> None:
        """Refuse with 50013 unless `user` has all of `needed`; with 50001 if the channel is hidden."""
        granted = self.permissions(channel, user)
        if not granted & Permission.VIEW_CHANNEL:
            raise ApiError(50001)
        if needed & ~granted:
            raise ApiError(50013)

    def message(self, channel: Channel, message_id: int) -> Message:
        """A message of the channel that everybody sees.

        Raises:
            ApiError: 10008 if there is none.
        """
        message = channel.messages.get(message_id)
        if message is None or message.visible_to is not None:
            raise ApiError(10008)
        return message

    def guild(self, guild_id: int) -> Guild:
        """A guild that the bot is in.

        Raises:
            ApiError: 10004 if there is none, 50001 if the bot is not a member.
        """
        guild = self.guilds.get(guild_id)
        if guild is None:
            raise ApiError(10004)
        if self.bot.id not in guild.members:
            raise ApiError(50001)
        return guild

    def user(self, user_id: int) -> User:
        """A user.

        Raises:
            ApiError: 10013 if there is none.
        """
        if user_id not in self.users:
            raise ApiError(10013)
        return self.users[user_id]

    def direct(self, user: User) -> Channel:
        """The direct conversation of `user` with the bot, opened if need be."""
        for channel in self.channels.values():
            if channel.guild is None and user.id in channel.recipient_ids:
                return channel
        channel = Channel(self.clock.snowflake(), ChannelType.DM, user.name, recipient_ids={user.id, self.bot.id})
        self.channels[channel.id] = channel
        return channel

    def store_files(self, channel_id: int, files: list[NewFile]) -> list[Attachment]:
        """Put files on the fake's CDN, each under a signed address that expires."""
        stored = []
        for name, content_type, content in files:
            number = self.clock.snowflake()
            address = f"{self.cdn_base}/attachments/{channel_id}/{number}/{quote(name)}"
            self.attachments[number] = Attachment(number, name, content_type, content, self._signed(address, number))
            stored.append(self.attachments[number])
        return stored

    def sign_anew(self, message: Message) -> None:
        """Give the files of a message addresses that work from now on, as Discord does whenever it is fetched."""
        for attachment in message.attachments:
            attachment.url = self._signed(attachment.url.partition("?")[0], attachment.id)
        for copy in (file for one in message.snapshots for file in one["message"]["attachments"]):
            copy["url"] = self._signed(copy["url"].partition("?")[0], int(copy["id"]))

    def _signed(self, address: str, number: int) -> str:
        now = int(self.clock.now())
        return f"{address}?ex={now + ATTACHMENT_LIFE_S:x}&is={now:x}&hm={number:064x}&"
