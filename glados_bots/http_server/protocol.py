"""HTTP/1 as uvicorn speaks it, with the bounds it lacks, and two things of the standard.

A head (request line and headers) has a largest size and a longest time; what comes after a body (trailers) counts as a
head, and a body has a longest time as well. Answers to HTTP/1.0 are not chunked (RFC 9112, 7.1). A client
that has said all it will say, and closes its side only, gets its answer (RFC 9112, 9.6).
"""

import asyncio
import resource
from typing import Any, cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MOST_HEAD_BYTES = 64 * 1024
STEP_BYTES = 4096  # how exact that is where one reading brings the end of a request and the next one's head
HEAD_S = 20.0  # from the connection, or a head's first byte, to the head's end
BODY_S = 120.0  # from a head's end to its body's: 2 MiB at 18 kB a second
ASK_S = 0.5  # how often a client that closed its side is asked whether it is there
MOST_CONNECTIONS = 10_000
LINGER_S = 1.0  # how long who was refused may take to stop sending
KEPT_FILES = 256  # open files for all but connections
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # of all interim answers the one that every client passes over
REFUSALS = {
    408: "The request did not come in time.",
    431: f"Request line and headers may have {MOST_HEAD_BYTES} bytes at most.",
    503: "Too many connections are open.",
}


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Give it to uvicorn as `http`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._quiet_bytes = 0  # read since the last end of a head, piece of a body, or end of a message
        self._is_owed = True  # the rest of a head or body is waited for
        self._is_refused = False  # what is read is thrown away
        self._timer = self.loop.call_later(HEAD_S, self._too_slow)
        if not self._has_room():
            self._refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read no further than a head may go."""
        if not self._is_owed:
            self._wait_for_rest(HEAD_S)  # also for line ends, which are no head yet
        while data and not self._is_refused and not self.transport.is_closing():
            step = min(STEP_BYTES, MOST_HEAD_BYTES - self._quiet_bytes)
            piece, data = data[:step], data[step:]
            self._quiet_bytes += len(piece)
            super().data_received(piece)
            if self._quiet_bytes >= MOST_HEAD_BYTES:
                self._refuse(431)

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn's returns nothing, which closes
        """Stay for who closed its side only, while its whole request waits for the first words of an answer."""
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
            self.transport.close()  # browsers open connections ahead, and expect no answer on them

    def _refuse(self, status: int) -> None:
        """Say why, where no answer is under way, and close."""
        if self._is_refused or self.transport.is_closing():
            return
        self.logger.warning("a connection was closed: %s", REFUSALS[status])
        is_silent = self.cycle is None or not self.cycle.response_started or self.cycle.response_complete
        self._drop_requests()
        if is_silent:
            text = REFUSALS[status].encode()
            head = f"content-type: text/plain\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head.encode() + text)
        self.transport.write_eof()  # to close while the client still writes would take our words from it
        self._timer.cancel()
        self._timer = self.loop.call_later(LINGER_S, self.transport.close)

    def _drop_requests(self) -> None:
        self._is_refused = True
        self.pipeline.clear()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _ask(self) -> None:
        """Whether a half-closed client is there: the system of one that is gone refuses what it is sent."""
        is_new = self.cycle.scope["http_version"] == "1.1"
        if is_new and not self.cycle.response_started and not self.transport.is_closing():
            self.transport.write(CONTINUE)
            self._timer = self.loop.call_later(ASK_S, self._ask)

    def _has_room(self) -> bool:
        """Whether a file is left for this connection, and its address has no more than half of them."""
        most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - KEPT_FILES, MOST_CONNECTIONS)
        if len(self.connections) <= most // 2:
            return True
        clients = [each.client for each in self.connections if isinstance(each, BoundedProtocol)]
        own = sum(bool(client and self.client and client[0] == self.client[0]) for client in clients)
        return len(self.connections) <= most and own <= most // 2


def raise_file_limit() -> None:
    """Let this process have as many open files as the system allows it: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _unchunked(cycle: RequestResponseCycle, app: ASGIApp) -> ASGIApp:
    """An answer of unknown length ends where its connection does."""

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
