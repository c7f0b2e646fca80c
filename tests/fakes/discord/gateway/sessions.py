"""A gateway session: what it is sent, numbered and remembered, so that a client that comes back misses nothing."""

from __future__ import annotations

from collections import deque

from tests.fakes.discord.world.models import JsonObject
from tests.fakes.discord.world.payloads import without_content
from tests.fakes.discord.world.permissions import Permission
from tests.fakes.discord.world.state import Event, World

from .connection import Connection
from .intents import NO_INTENT, Intent, needed_intent

# How long Discord keeps a session whose connection is gone is not documented; about a minute is reported.
MEMORY_S = 60.0
MEMORY_EVENTS = 10_000


class Session:
    """Outlives its connections until it is `is_over`."""

    def __init__(self, session_id: str, intents: Intent, shard: tuple[int, int]) -> None:
        self.id = session_id
        self.intents = intents
        self.shard = shard
        self.connection: Connection | None = None
        self._sequence = 0
        self._sent: deque[JsonObject] = deque(maxlen=MEMORY_EVENTS)
        self._detached_at: float | None = None

    def attach(self, connection: Connection) -> None:
        """Send through this connection from now on."""
        self.connection = connection
        connection.session = self
        self._detached_at = None

    def detach(self, now: float) -> None:
        """The connection is gone; the session waits for the client to come back."""
        self.connection = None
        self._detached_at = now

    def is_over(self, now: float) -> bool:
        """Whether the client stayed away for too long."""
        return self._detached_at is not None and now - self._detached_at > MEMORY_S

    def has_guild(self, guild_id: int | None) -> bool:
        """Whether the guild (None: direct messages) belongs to this session's shard."""
        index, count = self.shard
        return ((guild_id or 0) >> 22) % count == index

    def view(self, event: Event, world: World) -> JsonObject | None:
        """The payload as this session may see it, or None if it is not sent at all."""
        is_about_itself = event.name == "GUILD_MEMBER_UPDATE" and event.data["user"]["id"] == str(world.bot.id)
        needed = NO_INTENT if is_about_itself else needed_intent(event.name, in_guild=event.guild_id is not None)
        if needed & ~self.intents or not self.has_guild(event.guild_id):
            return None
        if event.channel is not None and not world.permissions(event.channel, world.bot) & Permission.VIEW_CHANNEL:
            return None
        if event.content_is_open or self.intents & Intent.MESSAGE_CONTENT:
            return event.data
        return without_content(event.data)

    def dispatch(self, name: str, data: JsonObject) -> None:
        """Send a numbered event, now or when the client comes back."""
        self._sequence += 1
        frame = {"op": 0, "t": name, "s": self._sequence, "d": data}
        self._sent.append(frame)
        if self.connection is not None:
            self.connection.send(frame)

    def replay(self, connection: Connection, after: int) -> bool:
        """Attach the connection and send again all that followed `after`.

        Returns:
            False if that number is ahead of what was sent or no longer remembered.
        """
        oldest = self._sent[0]["s"] if self._sent else 1
        if after > self._sequence or after < oldest - 1:
            return False
        self.attach(connection)
        for frame in list(self._sent):
            if frame["s"] > after:
                connection.send(frame)
        return True
