"""Redis for a command: opened, worked with, closed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from glados_bots.errors import ConfigError
from glados_bots.platforms import installed
from glados_bots.settings import Settings
from glados_bots.store.connection import Client, connect
from glados_bots.store.store import Store

T = TypeVar("T")


def with_client(settings: Settings, work: Callable[[Client], Awaitable[T]]) -> T:
    async def run() -> T:
        async with aclosing(connect(settings.resolved_redis_url)) as client:
            return await work(client)

    return asyncio.run(run())


def with_stores(settings: Settings, platform: str | None, work: Callable[[Store], Awaitable[T]]) -> list[T]:
    """What `work` returns for the store of this platform, or of each. Raises ConfigError for an unknown platform."""
    names = list(installed())
    if platform is not None and platform not in names:
        raise ConfigError(f"{platform}: no platform has this name; choose from {', '.join(names)}")
    most = settings.conversation_max_messages // 2

    async def run(client: Client) -> list[T]:
        chosen = [platform] if platform else names
        return [await work(Store(client, name, ttl=settings.ttl_of(name), max_exchanges=most)) for name in chosen]

    return with_client(settings, run)


def with_store(settings: Settings, platform: str, work: Callable[[Store], Awaitable[T]]) -> T:
    return with_stores(settings, platform, work)[0]
