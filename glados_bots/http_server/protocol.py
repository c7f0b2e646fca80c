"""HTTP/1 by uvicorn, with the bounds that uvicorn lacks, and two rules of the standard.

A head (request line and headers) has a maximum size and a maximum time; trailers after a body count as a head. A body
has a maximum time too. Responses to HTTP/1.0 are not chunked (RFC 9112, 7.1). A client that closes only its own side
after its last request still gets its response (RFC 9112, 9.6).
"""

import asyncio
import resource
from typing import Any, cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MOST_HEAD_BYTES = 64 * 1024
STEP_BYTES = 4096  # precision of that limit if one read returns the end of a request and the head of the next
HEAD_S = 20.0  # from the connection, or a head's first byte, to the head's end
BODY_S = 120.0  # from the end of the head to the end of the body: 2 MiB at 18 kB per second
ASK_S = 0.5  # how often to check whether a client that closed its side is still there
MOST_CONNECTIONS = 10_000
LINGER_S = 1.0  # how long a refused client may take to stop sending
KEPT_FILES = 256  # open files reserved for everything except connections
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # the one interim response that every client ignores
REFUSALS = {
    408: "The request did not arrive in time.",
    431: f"Request line and headers may have {MOST_HEAD_BYTES} bytes at most.",
    503: "Too many connections are open.",
}


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Give it to uvicorn as `http`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._quiet_bytes = 0  # bytes read since the last end of a head, piece of a body, or end of a message
        self._is_owed = True  # whether the rest of a head or body is still to come
        self._is_refused = False  # whether all further input is discarded
        self._timer = self.loop.call_later(HEAD_S, self._too_slow)
        if not self._has_room():
            self._refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass the data on in steps; refuse a head that grows beyond MOST_HEAD_BYTES."""
        if not self._is_owed:
            self._wait_for_rest(HEAD_S)  # also after line ends, which do not begin a head yet
        while data and not self._is_refused and not self.transport.is_closing():
            step = min(STEP_BYTES, MOST_HEAD_BYTES - self._quiet_bytes)
            piece, data = data[:step], data[step:]
            self._quiet_bytes += len(piece)
            super().data_received(piece)
            if self._quiet_bytes >= MOST_HEAD_BYTES:
                self._refuse(431)

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn's returns nothing, which closes
        """Keep the connection of a client that closed its side while its complete request waits for a response."""
        is_whole = self.cycle is not None and not self._is_owed and not self._is_refused
        waits = is_whole and not self.cycle.response_started
        if waits:
            self.cycle.keep_alive = False
            self._ask()
        return waits

    def on_message_begin(self) -> None:
        self._wait_for_rest(HEAD_S)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._quiet_bytes = 0
        self._wait_for_rest(BODY_S)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._quiet_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._quiet_bytes = 0
        self._is_owed = False
        self._timer.cancel()
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        is_old = cycle.scope["http_version"] == "1.0"
        super()._start_asgi_task(cycle, cast("Any", _unchunked(cycle, app)) if is_old else app)

    def _wait_for_rest(self, seconds: float) -> None:
        self._is_owed = True
        self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self._quiet_bytes or self.cycle is not None:
            self._refuse(408)
        else:
            self.transport.close()  # browsers open connections in advance, and expect no response on them

    def _refuse(self, status: int) -> None:
        """Close the connection. If no response is under way, first send one that says why."""
        if self._is_refused or self.transport.is_closing():
            return
        self.logger.warning("closed a connection: %s", REFUSALS[status])
        is_silent = self.cycle is None or not self.cycle.response_started or self.cycle.response_complete
        self._drop_requests()
        if is_silent:
            text = REFUSALS[status].encode()
            head = f"content-type: text/plain\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head.encode() + text)
        self.transport.write_eof()  # closing while the client still writes would discard our response
        self._timer.cancel()
        self._timer = self.loop.call_later(LINGER_S, self.transport.close)

    def _drop_requests(self) -> None:
        self._is_refused = True
        self.pipeline.clear()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _ask(self) -> None:
        """Check whether a half-closed client is still there: the system of a client that has gone refuses data."""
        is_new = self.cycle.scope["http_version"] == "1.1"
        if is_new and not self.cycle.response_started and not self.transport.is_closing():
            self.transport.write(CONTINUE)
            self._timer = self.loop.call_later(ASK_S, self._ask)

    def _has_room(self) -> bool:
        """Whether an open file is left for this connection, and its address holds at most half of all connections."""
        most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - KEPT_FILES, MOST_CONNECTIONS)
        if len(self.connections) <= most // 2:
            return True
        clients = [each.client for each in self.connections if isinstance(each, BoundedProtocol)]
        own = sum(bool(client and self.client and client[0] == self.client[0]) for client in clients)
        return len(self.connections) <= most and own <= most // 2


def raise_file_limit() -> None:
    """Raise this process's limit of open files to the system's maximum: each connection is an open file."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _unchunked(cycle: RequestResponseCycle, app: ASGIApp) -> ASGIApp:
    """Wrap the app so that a response of unknown length is not chunked and ends with its connection."""

    async def plain(scope: Scope, receive: Receive, send: Send) -> None:
        is_open = False

        async def sent(message: Message) -> None:
            nonlocal is_open
            if message["type"] == "http.response.start":
                is_open = "content-length" not in Headers(raw=message["headers"])
                cycle.chunked_encoding = False if is_open else None
            elif is_open:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, sent)

    return plain
