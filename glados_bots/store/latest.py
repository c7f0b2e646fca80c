"""What was noted last under one key, such as channels or questions that are to be looked at again after a gap."""

import time
from typing import Any

from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store


class Latest:
    """A zset of names -> seconds since the epoch. Every method raises StoreUnavailableError.

    Args:
        most: names that are kept, the newest ones.
        keep_s: for how long, in seconds.
    """

    def __init__(self, store: Store, key: str, most: int, keep_s: int) -> None:
        self._client = store.client
        self._key = f"{store.prefix}{key}"
        self._most = most
        self._keep_s = keep_s

    async def note(self, name: str) -> None:
        now = time.time()
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.zadd(self._key, {name: now})
            pipe.zremrangebyscore(self._key, "-inf", now - self._keep_s)
            pipe.zremrangebyrank(self._key, 0, -self._most - 1)
            pipe.expire(self._key, self._keep_s)
            await reply_of(pipe.execute())

    async def names(self, count: int = 0) -> dict[str, float]:
        """So many of them, or all, the newest first, and when each was noted."""
        found: Any = await reply_of(self._client.zrange(self._key, 0, count - 1, desc=True, withscores=True))
        return {str(name): float(at) for name, at in found}

    async def drop(self, name: str) -> None:
        call: Any = self._client.zrem(self._key, name)
        await reply_of(call)
