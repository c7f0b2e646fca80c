"""A gateway session: what it is sent, numbered and remembered, so that a client that comes back misses nothing."""

import zlib
from collections import deque

from aiohttp import WSCloseCode, web

from tests.fakes.common.sockets import BaseConnection
from tests.fakes.discord.world.models import JsonObject
from tests.fakes.discord.world.payloads import without_content
from tests.fakes.discord.world.permissions import Permission
from tests.fakes.discord.world.state import Event, World

from .intents import NO_INTENT, Intent, needed_intent

# How long Discord keeps a session whose connection is gone is not documented; about a minute is reported.
MEMORY_S = 60.0
MEMORY_EVENTS = 10_000


class Connection(BaseConnection):
    """One WebSocket of a client, compressed as one zlib stream if the client asked for it."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        super().__init__(socket, request)
        self.session: Session | None = None
        self.closed_by_server = False
        self._compressor = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None

    def close(self, code: int = WSCloseCode.OK) -> None:
        """Close after all earlier frames."""
        self.closed_by_server = True
        super().close(code)

    async def _transmit(self, text: str) -> None:
        if self._compressor is None:
            await super()._transmit(text)
        else:
            data = self._compressor.compress(text.encode())
            await self._socket.send_bytes(data + self._compressor.flush(zlib.Z_SYNC_FLUSH))


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
