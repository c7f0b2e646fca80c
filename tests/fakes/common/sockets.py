"""One WebSocket of a client, and events on their way to clients, as far as all platforms have them."""

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from aiohttp import WSCloseCode, web

T = TypeVar("T")


class BaseConnection:
    """Sends without waiting; a task of its own does the writing."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request
        # A number asks to close with that code, after what stands before it.
        self._outbox: asyncio.Queue[dict[str, Any] | int] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())

    def send(self, frame: dict[str, Any]) -> None:
        """Send a frame after all earlier ones."""
        self._outbox.put_nowait(frame)

    def close(self, code: int = WSCloseCode.OK) -> None:
        """Close after all earlier frames."""
        self._outbox.put_nowait(code)

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
            # The client may have gone: what it missed is sent again elsewhere.
            with contextlib.suppress(ConnectionError):
                if isinstance(item, int):
                    await self._socket.close(code=item)
                else:
                    await self._transmit(json.dumps(item))

    async def _transmit(self, text: str) -> None:
        await self._socket.send_str(text)


class Outlet(ABC, Generic[T]):
    """Where events leave for the client: a test can hold them back, put them in another order, and repeat them."""

    def __init__(self) -> None:
        self._held: list[T] | None = None
        self._copies = 0

    def hold(self) -> None:
        """Keep events back until `release`."""
        self._held = []

    def release(self, order: Callable[[list[T]], Sequence[T]] = list) -> None:
        """Publish what was kept back, in the order that `order` makes of it."""
        held, self._held = self._held or [], None
        for event in order(held):
            self.publish(event)

    def repeat(self, copies: int) -> None:
        """Deliver every event that many times more, from now on; 0 ends it."""
        self._copies = copies

    def publish(self, event: T) -> None:
        """Send an event on its way, unless it is kept back."""
        if self._held is not None:
            self._held.append(event)
        else:
            self._pass_on(event)

    @abstractmethod
    def _pass_on(self, event: T) -> None:
        """Deliver it, and as many copies as `_copies` says."""
