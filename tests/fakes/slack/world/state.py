"""The world of the fake: everything that exists, looked up by id, and the events that changes to it set off."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from .apps import App, Installation
from .clock import Clock
from .errors import ApiError
from .ledger import Ledger
from .models import Channel, File, JsonObject, Message, Team, User, View

# The scope an event needs beside its subscription.
EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "assistant_thread_started": "assistant:write",
    "assistant_thread_context_changed": "assistant:write",
    "app_context_changed": "assistant:write",
    "pin_added": "pins:read",
    "pin_removed": "pins:read",
}
KINDS = {"channel": "message.channels", "group": "message.groups", "im": "message.im", "mpim": "message.mpim"}


@dataclass
class StreamRules:
    """How streams behave where Slack does not say.

    Attributes:
        life_s: Seconds after its start at which a stream expires; about five minutes is reported.
        idle_s: Seconds without an append at which it expires; about half a minute is reported by some.
        unfurls: Links in streamed text are previewed, unless the stream was begun with the switch against it.
    """

    life_s: float = 300.0
    idle_s: float = math.inf
    unfurls: bool = False


@dataclass
class Telling:
    """How much events say, where Slack says less or more at times.

    Attributes:
        leaves_out_before: `message_changed` comes without `previous_message`.
        file_stubs: Files in Slack Connect channels are told of by their id only; `files.info` tells the rest.
        late_shares: How many times `files.info` does not tell yet where a new file was shared.
        replies: A reply is told of a second time, as `message_replied` of its root.
    """

    leaves_out_before: bool = False
    file_stubs: bool = False
    late_shares: int = 0
    replies: bool = False


@dataclass(eq=False)
class World:
    """All state of one fake. `publish` takes an event, and the installation that is told of it."""

    clock: Clock
    app: App
    ledger: Ledger = field(default_factory=Ledger)
    stream_rules: StreamRules = field(default_factory=StreamRules)
    telling: Telling = field(default_factory=Telling)
    teams: dict[str, Team] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    installations: list[Installation] = field(default_factory=list)
    publish: Callable[[JsonObject, Installation], None] = lambda _event, _installation: None
    base_url: str = ""

    def name(self, some_id: str) -> str:
        """The name of a user or channel, or the id itself."""
        found = self.users.get(some_id) or self.channels.get(some_id)
        return some_id if found is None else found.name

    def installation(self, team: Team) -> Installation | None:
        """The living installation that speaks for a workspace."""
        return next((one for one in self.installations if one.is_live and one.covers(team)), None)

    def installations_in(self, channel: Channel) -> list[Installation]:
        """Installations whose bot is in the channel."""
        return [one for one in self.installations if one.is_live and one.bot.id in channel.members]

    def emit(self, name: str, event: JsonObject, channel: Channel | None = None, team: Team | None = None) -> None:
        """Tell the app, once, if it is subscribed, allowed, and there.

        Args:
            name: Name of the subscription, such as message.im.
            event: The inner event.
            channel: Where it happened, if anywhere: its bot must be a member.
            team: For events without a channel.
        """
        if name not in self.app.events:
            return
        if channel is not None:
            told = self.installations_in(channel)
        else:
            told = [one for one in self.installations if team is not None and one.is_live and one.covers(team)]
        needed = EVENT_SCOPES.get(name)
        allowed = [one for one in told if needed is None or needed in one.scopes]
        if allowed:
            # Of several installations in a shared channel only one is told.
            self.publish(event, allowed[0])

    def channel(self, channel_id: str, bot: User) -> Channel:
        """The channel, if `bot` may know of it.

        Raises:
            ApiError: channel_not_found.
        """
        channel = self.channels.get(channel_id)
        is_hidden = channel is not None and channel.kind != "channel" and bot.id not in channel.members
        if channel is None or is_hidden or bot.team.id not in channel.teams:
            raise ApiError("channel_not_found")
        return channel

    def message(self, channel: Channel, ts: str, *, missing: str = "message_not_found") -> Message:
        """A message of the channel that everybody sees.

        Raises:
            ApiError: `missing` if there is none.
        """
        message = channel.messages.get(ts)
        if message is None or message.visible_to is not None:
            raise ApiError(missing)
        return message

    def user(self, user_id: str) -> User:
        """A user.

        Raises:
            ApiError: user_not_found.
        """
        if user_id not in self.users:
            raise ApiError("user_not_found")
        return self.users[user_id]

    def direct(self, user: User, bot: User) -> Channel:
        """The direct conversation of a user and a bot, opened if need be."""
        for channel in self.channels.values():
            if channel.is_direct and channel.members == {user.id, bot.id}:
                return channel
        channel = Channel(self.clock.id("D"), f"dm-{user.name}", "im", bot.team, {bot.team.id}, {user.id, bot.id})
        self.channels[channel.id] = channel
        return channel
