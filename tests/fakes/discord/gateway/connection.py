"""One WebSocket of a client: frames go out in order, compressed as one zlib stream if the client asked for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakes.discord.world.models import JsonObject

if TYPE_CHECKING:
    from .sessions import Session


class Connection:
    """Sends without waiting; a task of its own does the writing."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, *, compress: bool) -> None:
        self.session: Session | None = None
        self.closed_by_server = False
        self._socket = socket
        self._request = request
        self._compressor = zlib.compressobj() if compress else None
        # A number asks to close with that code, after what stands before it.
        self._outbox: asyncio.Queue[JsonObject | int] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())

    def send(self, frame: JsonObject) -> None:
        """Send a frame after all earlier ones."""
        self._outbox.put_nowait(frame)

    async def close(self, code: int) -> None:
        """Close after all earlier frames."""
        self.closed_by_server = True
        self._outbox.put_nowait(code)
        await asyncio.sleep(0)

    def abort(self) -> None:
        """Cut the connection without a closing frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def finish(self) -> None:
        """End the writer."""
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer

    async def _write(self) -> None:
        while True:
            item = await self._outbox.get()
            # The client may have gone: its session then keeps what it missed.
            with contextlib.suppress(ConnectionError):
                if isinstance(item, int):
                    await self._socket.close(code=item)
                else:
                    await self._send(json.dumps(item))

    async def _send(self, text: str) -> None:
        if self._compressor is None:
            await self._socket.send_str(text)
        else:
            data = self._compressor.compress(text.encode())
            await self._socket.send_bytes(data + self._compressor.flush(zlib.Z_SYNC_FLUSH))
