"""What the tests of the contract share: the service in a thread, and how many requests to make."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, settings
from starlette.types import ASGIApp

from tests.servers import free_port, running

LONGEST_S = 20  # a request without an answer until then is a hang


def bounded(examples: int) -> settings:
    """The same examples in every run, and no others."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def in_a_thread(app: ASGIApp) -> Iterator[str]:
    """The app's base URL while it runs."""
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
    yield f"http://127.0.0.1:{port}"
    loop.call_soon_threadsafe(over.set)
    thread.join()
