"""Real servers for tests: an ASGI app under uvicorn on a free loopback port, in this event loop."""

import asyncio
import itertools
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext

import uvicorn
from starlette.types import ASGIApp

from tests.waiting import until

# Below those the system gives to whoever asks for any, so that nothing takes one between the probe and its use; and
# without 10080, which browsers refuse.
FIRST_PORT, PORTS_OF_A_WORKER, WORKERS = 12000, 1200, 16


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


@asynccontextmanager
async def running(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """The app's base URL while it runs; on any free port, unless one is named."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, ws="none")
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment] # pytest keeps its own handlers
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
