"""The gateway: sockets of one token, the sessions behind them, replay on RESUME, and all that goes wrong there."""

import asyncio
import secrets

from aiohttp import WSMsgType, web

from tests.fakes.common.sockets import Outlet
from tests.fakes.discord.world.models import Guild, JsonObject
from tests.fakes.discord.world.payloads import guild_json, member_json, user_json
from tests.fakes.discord.world.state import Event, World

from .intents import PRIVILEGED, Intent
from .sessions import Connection, Session

HEARTBEAT, IDENTIFY, RESUME, RECONNECT = 1, 2, 6, 7
REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 8, 9, 10, 11
NOT_AUTHENTICATED, BAD_TOKEN, ALREADY_AUTHENTICATED = 4003, 4004, 4005
INVALID_SEQUENCE, DISALLOWED_INTENTS = 4007, 4014
# Bytes that a client may send in one frame.
LARGEST_FRAME = 4096
# A client that closes with these ends its session.
FINAL_CLOSE_CODES = {1000, 1001}


class Gateway(Outlet[Event]):
    """All sessions of the bot.

    Attributes:
        heartbeat_interval_ms: What HELLO asks of clients.
        answers_heartbeats: Switch off to make a connection look dead.
        refused_connections: How many of the next connections are refused with HTTP 503.
        identify_close_code: Close every IDENTIFY with this code instead of READY, while it is set.
        refuse_resumes: Answer every RESUME with op 9 (False), while it is set.
        resume_close_code: Close every RESUME with this code, while it is set.
        identified, resumed, refused_resumes: How often it happened.
    """

    def __init__(self, world: World, token: str) -> None:
        super().__init__()
        self.heartbeat_interval_ms = 41_250
        self.answers_heartbeats = True
        self.refused_connections = 0
        self.identify_close_code: int | None = None
        self.refuse_resumes = False
        self.resume_close_code: int | None = None
        self.url = ""
        self.sessions: dict[str, Session] = {}
        self.connections: list[Connection] = []
        self.identified = 0
        self.resumed = 0
        self.refused_resumes = 0
        self._world = world
        self._token = token
        world.publish = self.publish

    # Faults, for tests.

    async def close(self, code: int) -> None:
        """Close every connection with `code`; sessions stay open for RESUME."""
        for connection in list(self.connections):
            connection.close(code)
        await asyncio.sleep(0)

    def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self.connections):
            connection.abort()

    def reconnect(self) -> None:
        """Ask every client to connect anew and RESUME (op 7)."""
        for connection in list(self.connections):
            connection.send({"op": RECONNECT, "d": None})

    def invalidate(self, *, resumable: bool) -> None:
        """Declare every session invalid (op 9); a session that is not resumable is forgotten."""
        for connection in list(self.connections):
            if not resumable and connection.session is not None:
                self.sessions.pop(connection.session.id, None)
            connection.send({"op": INVALID_SESSION, "d": resumable})

    # The protocol.

    def _pass_on(self, event: Event) -> None:
        """Dispatch to every session that may see the event."""
        now = self._world.clock.now()
        self.sessions = {key: session for key, session in self.sessions.items() if not session.is_over(now)}
        for session in self.sessions.values():
            data = session.view(event, self._world)
            for _ in range(1 + self._copies if data is not None else 0):
                session.dispatch(event.name, data or {})
        self._world.ledger.changed()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        if self.refused_connections > 0:
            self.refused_connections -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=LARGEST_FRAME)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.append(connection)
        connection.send({"op": HELLO, "d": {"heartbeat_interval": self.heartbeat_interval_ms}})
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    self._receive(connection, frame.json())
        finally:
            self.connections.remove(connection)
            self._leave(connection, socket.close_code)
            await connection.finish()
        return socket

    def _leave(self, connection: Connection, close_code: int | None) -> None:
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.detach(self._world.clock.now())
        if close_code in FINAL_CLOSE_CODES and not connection.closed_by_server:
            self.sessions.pop(session.id, None)

    def _receive(self, connection: Connection, frame: JsonObject) -> None:
        operation, data = frame["op"], frame.get("d")
        if operation == HEARTBEAT:
            if self.answers_heartbeats:
                connection.send({"op": HEARTBEAT_ACK})
        elif operation == IDENTIFY:
            self._identify(connection, data or {})
        elif operation == RESUME:
            self._resume(connection, data or {})
        elif connection.session is None:
            connection.close(NOT_AUTHENTICATED)
        elif operation == REQUEST_MEMBERS:
            self._send_members(connection.session, data or {})

    def _identify(self, connection: Connection, data: JsonObject) -> None:
        intents = Intent(data["intents"])
        refused = self.identify_close_code
        if connection.session is not None:
            refused = ALREADY_AUTHENTICATED
        elif data["token"] != self._token:
            refused = BAD_TOKEN
        elif intents & PRIVILEGED & ~Intent(self._world.application.privileged_intents):
            refused = DISALLOWED_INTENTS
        if refused is not None:
            connection.close(refused)
            return
        shard = tuple(data.get("shard") or (0, 1))
        session = Session(secrets.token_hex(16), intents, (int(shard[0]), int(shard[1])))
        self.sessions[session.id] = session
        session.attach(connection)
        self.identified += 1
        guilds = [guild for guild in self._world.guilds.values() if self._is_in(guild) and session.has_guild(guild.id)]
        ready: JsonObject = {
            "v": 10,
            "user": user_json(self._world.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "application": {"id": str(self._world.application.id), "flags": 0},
        }
        session.dispatch("READY", ready | ({"shard": list(shard)} if data.get("shard") else {}))
        for guild in guilds:
            if not guild.unavailable:
                everybody = bool(intents & Intent.GUILD_MEMBERS)
                session.dispatch("GUILD_CREATE", guild_json(guild, self._world, all_members=everybody))
        self._world.ledger.changed()

    def _resume(self, connection: Connection, data: JsonObject) -> None:
        session = self.sessions.get(data["session_id"])
        if self.resume_close_code is not None:
            self.refused_resumes += 1
            connection.close(self.resume_close_code)
        elif data["token"] != self._token:
            connection.close(BAD_TOKEN)
        elif session is None or self.refuse_resumes or session.is_over(self._world.clock.now()):
            self.refused_resumes += 1
            self.sessions.pop(data["session_id"], None)
            connection.send({"op": INVALID_SESSION, "d": False})
        elif not session.replay(connection, data["seq"] or 0):
            connection.close(INVALID_SEQUENCE)
        else:
            self.resumed += 1
            session.dispatch("RESUMED", {})
            self._world.ledger.changed()

    def _send_members(self, session: Session, data: JsonObject) -> None:
        guild = self._world.guild(int(data["guild_id"]))
        wanted = {int(user_id) for user_id in data.get("user_ids") or []}
        query = (data.get("query") or "").lower()
        members = [
            member_json(member)
            for member in guild.members.values()
            if (member.user.id in wanted if wanted else member.user.name.lower().startswith(query))
        ]
        chunk = {"guild_id": str(guild.id), "members": members, "chunk_index": 0, "chunk_count": 1, "not_found": []}
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk | ({"nonce": data["nonce"]} if data.get("nonce") else {}))

    def _is_in(self, guild: Guild) -> bool:
        return self._world.bot.id in guild.members
