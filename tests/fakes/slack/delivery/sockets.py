"""Socket Mode: one-time tickets, several connections, envelopes spread over them, acks, and what goes wrong there."""

import asyncio
import contextlib
import json
import secrets
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from tests.fakes.common.sockets import BaseConnection
from tests.fakes.slack.world.models import JsonObject
from tests.fakes.slack.world.state import World

# "An app can have up to 10 connections".
MAX_CONNECTIONS = 10
TICKET_LIFE_S = 30.0
# Seconds between the warning and the end of a connection.
WARNING_S = 10.0
APPROXIMATE_LIFE_S = 18_000


class Connection(BaseConnection):
    """One WebSocket of the app.

    Attributes:
        is_leaving: It gets no more envelopes.
        envelopes: How many it got.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        super().__init__(socket, request)
        self.is_leaving = False
        self.envelopes = 0

    def close(self, code: int = WSCloseCode.OK) -> None:
        """Close after all earlier frames."""
        self.is_leaving = True
        super().close(code)

    def abort(self) -> None:
        """Cut the connection without a closing frame."""
        self.is_leaving = True
        super().abort()


class Sockets:
    """All Socket Mode connections of the app.

    Attributes:
        connections: Those that are open, oldest first.
        opened: How many were ever opened.
        tickets_given: How often an address was asked for.
        refused_connections: How many of the next connections are refused with HTTP 503.
        answers_pings: Switch off to make connections look dead.
        says_hello: Switch off to leave a new connection without its first frame.
        takes_acks: Switch off to lose every ack.
        is_enabled: Socket Mode is switched on in the app's settings; see `disable`.
        unknown_acks: Acks for envelopes that nobody waits for (any more).
    """

    def __init__(self, world: World) -> None:
        self.connections: list[Connection] = []
        self.opened = 0
        self.tickets_given = 0
        self.refused_connections = 0
        self.answers_pings = True
        self.says_hello = True
        self.takes_acks = True
        self.is_enabled = True
        self.unknown_acks = 0
        self.url = ""
        self._world = world
        self._tickets: dict[str, float] = {}
        self._waiting: dict[str, tuple[Connection, asyncio.Future[JsonObject]]] = {}
        self._turn = 0
        self._closing: set[asyncio.Task[None]] = set()

    # Faults, for tests.

    def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self.connections):
            connection.abort()

    def close(self) -> None:
        """Close every connection properly."""
        for connection in list(self.connections):
            connection.close()

    def disconnect(self, reason: str = "refresh_requested", *, only: Connection | None = None) -> None:
        """Tell connections that they end: 'warning' (in ten seconds), 'refresh_requested', 'link_disabled'."""
        for connection in list(self.connections) if only is None else [only]:
            connection.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "fake"}})
            connection.is_leaving = True
            if reason == "link_disabled":
                connection.close()
            else:
                # A client that does not leave by itself is thrown out.
                task = asyncio.get_running_loop().create_task(self._close_later(connection))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    async def _close_later(self, connection: Connection) -> None:
        await self._world.clock.sleep(WARNING_S)
        if connection in self.connections:
            connection.close()

    def disable(self) -> None:
        """Switch Socket Mode off in the app's settings."""
        self.is_enabled = False
        self.disconnect("link_disabled")

    def end(self) -> None:
        """Stop everything, at the end of the fake."""
        for task in self._closing:
            task.cancel()
        self.drop()

    # The protocol.

    def new_url(self) -> str:
        """An address for one connection, once, within half a minute."""
        ticket = secrets.token_urlsafe(16)
        self.tickets_given += 1
        self._tickets[ticket] = self._world.clock.now() + TICKET_LIFE_S
        return f"{self.url}?ticket={ticket}&app_id={self._world.app.id}"

    def send(self, envelope: JsonObject) -> asyncio.Future[JsonObject] | None:
        """Send an envelope over one of the connections, each in turn.

        Returns:
            What is done with the ack's payload, or fails with ConnectionError if the connection ends before; None if
            there is no connection.
        """
        open_ones = [one for one in self.connections if not one.is_leaving]
        if not open_ones:
            return None
        self._turn += 1
        connection = open_ones[self._turn % len(open_ones)]
        answer: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = connection, answer
        connection.send(envelope)
        connection.envelopes += 1
        return answer

    def forget(self, envelope_id: str) -> None:
        """Nobody waits for this ack any more."""
        self._waiting.pop(envelope_id, None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        until = self._tickets.pop(request.query.get("ticket", ""), 0.0)
        if self.refused_connections > 0:
            self.refused_connections -= 1
            return web.Response(status=503)
        if self._world.clock.now() > until or not self.is_enabled:
            return web.Response(status=404, text="no such ticket")
        socket = web.WebSocketResponse(autoping=False, autoclose=True)
        await socket.prepare(request)
        connection = Connection(socket, request)
        if len(self.connections) >= MAX_CONNECTIONS:
            connection.send({"type": "disconnect", "reason": "too_many_websockets"})
            connection.close()
        else:
            self._welcome(connection)
        try:
            async for frame in socket:
                await self._receive(socket, frame.type, frame.data)
        finally:
            self._leave(connection)
            await connection.finish()
        return socket

    def _welcome(self, connection: Connection) -> None:
        self.connections.append(connection)
        self.opened += 1
        if self.says_hello:
            debug = {"host": "applink-fake", "approximate_connection_time": APPROXIMATE_LIFE_S, "build_number": 1}
            info = {"app_id": self._world.app.id}
            number = len(self.connections)
            hello = {"type": "hello", "num_connections": number, "connection_info": info, "debug_info": debug}
            connection.send(hello)
        self._world.ledger.changed()

    async def _receive(self, socket: web.WebSocketResponse, kind: WSMsgType, data: Any) -> None:
        if kind is WSMsgType.PING and self.answers_pings:
            with contextlib.suppress(ConnectionError):
                await socket.pong(data)
        elif kind is WSMsgType.TEXT and self.takes_acks:
            ack = json.loads(data)
            # Slack's own clients send the ack over whatever connection they have then, so any is taken.
            _, answer = self._waiting.pop(ack.get("envelope_id", ""), (None, None))
            if answer is None:
                self.unknown_acks += 1
            elif not answer.done():
                answer.set_result(ack.get("payload") or {})

    def _leave(self, connection: Connection) -> None:
        connection.is_leaving = True
        if connection in self.connections:
            self.connections.remove(connection)
        for used, answer in self._waiting.values():
            if used is connection and not answer.done():
                answer.set_exception(ConnectionError())
        self._world.ledger.changed()
