"""Open the store, work, close: what the commands that look into Redis share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from glados_bots.errors import ConfigError
from glados_bots.platforms import installed
from glados_bots.retention import ttl_of
from glados_bots.settings import Settings
from glados_bots.store.connection import Client, connect
from glados_bots.store.store import Store

T = TypeVar("T")


def with_client(settings: Settings, work: Callable[[Client], Awaitable[T]]) -> T:
    async def run() -> T:
        client = connect(settings.resolved_redis_url)
        try:
            return await work(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def with_store(settings: Settings, platform: str, work: Callable[[Store], Awaitable[T]], option: str = "") -> T:
    """What `work` returns for the store of a platform.

    Raises:
        ConfigError: it is not installed; `option` is how it was given, where that was not an argument.
    """
    names = list(installed())
    if platform not in names:
        raise ConfigError(f"{option}{platform}: there is no such platform; choose from {', '.join(names)}")
    kept, most = ttl_of(settings, platform), settings.conversation_max_messages // 2
    return with_client(settings, lambda client: work(Store(client, platform, ttl=kept, max_exchanges=most)))
