"""Wait for what happens elsewhere, without guessing how long it takes."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

LONGEST_S = 60  # seconds; what is waited for takes a moment, and longer where other tests have the cores


async def until(condition: Callable[[], object | Awaitable[object]]) -> None:
    """Return once the condition is true; fail when it never is."""
    async with asyncio.timeout(LONGEST_S):
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return
            await asyncio.sleep(0.01)


async def until_ready(http: httpx.AsyncClient) -> None:
    """Return once the service takes requests."""

    async def is_ready() -> bool:
        return (await http.get("/ready")).is_success

    await until(is_ready)
