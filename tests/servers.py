"""Real servers for tests: an ASGI app under uvicorn on a free loopback port, in this event loop."""

import asyncio
import itertools
import os
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from glados_bots.http_server.protocol import BoundedProtocol

# Below those the system gives to whoever asks for any, so that nothing takes one between the probe and its use; and
# without 10080, which browsers refuse.
FIRST_PORT, PORTS_OF_A_WORKER, WORKERS = 12000, 1200, 16
LONGEST_GOODBYE_S = 1  # how long a server that ends waits for each request under way


def ports_of(worker: str, start: int) -> Iterator[int]:
    """The ports of one worker of pytest-xdist, round and round: no two workers of a run share one.

    Args:
        worker: its name, such as gw3; empty where there are none.
        start: where to begin, so that two runs on one machine hardly meet.
    """
    number = int(re.sub(r"\D", "", worker) or 0) % WORKERS
    first = FIRST_PORT + number * PORTS_OF_A_WORKER
    return (first + step % PORTS_OF_A_WORKER for step in itertools.count(start))


_ports = ports_of(os.environ.get("PYTEST_XDIST_WORKER", ""), os.getpid())


def free_port() -> int:
    """A port for a server in another process: nobody listens on it, and this process was not given it before."""
    for port in itertools.islice(_ports, PORTS_OF_A_WORKER):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


class Server(uvicorn.Server):
    """uvicorn within a test: it leaves the signals alone, and ends when it is told to rather than at its next tick.

    Attributes:
        over: ends it, once set.
        ready: set when it listens.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.over = asyncio.Event()
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: pytest has its own handlers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Wait for the end."""
        await self.on_tick(0)
        await self.over.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests under way end, for a moment; then cancel them."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if tasks := set(self.server_state.tasks):
            _, late = await asyncio.wait(tasks, timeout=LONGEST_GOODBYE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self.lifespan.shutdown()

    @asynccontextmanager
    async def listening(self, *sockets: socket.socket) -> AsyncIterator[None]:
        """The server while it is needed; on the address of its configuration, unless sockets are given."""
        task = asyncio.create_task(self.serve(sockets=list(sockets) or None))
        ready = asyncio.create_task(self.ready.wait())
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if task.done():
            task.result()
        try:
            yield
        finally:
            self.over.set()
            await task


@asynccontextmanager
async def running(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """The app's base URL while it runs; on any free port, unless one is named."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio then sends each write at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    async with Server(uvicorn.Config(app, log_level="warning", ws="none", http=BoundedProtocol)).listening(listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def in_a_thread(app: ASGIApp) -> Iterator[str]:
    """The app's base URL while it runs in a thread of its own, for tests that are not asynchronous."""
    ready = threading.Event()
    over: asyncio.Event
    loop: asyncio.AbstractEventLoop
    port = free_port()

    async def serve() -> None:
        nonlocal over, loop
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        async with running(app, port):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(20)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
