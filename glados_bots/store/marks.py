"""Small facts that every chat platform stores: what was done already, and since when the bot is in a thread.

    glados:{discord}:once:WHAT   str   something that only one process may do, and only once
    glados:{discord}:in:THREAD   str   id or timestamp of the message or event with which the bot joined a thread

Both keys expire, and so do the lists of `Latest`. Every method raises StoreUnavailableError.
"""

import time
from typing import Any, cast

from glados_bots.store.connection import reply_of, script
from glados_bots.store.store import Store

DAY_S = 24 * 3600


class Marks:
    """Marks of one platform."""

    def __init__(self, store: Store) -> None:
        self._client = store.client
        self._prefix = store.prefix
        self._ttl = store.ttl
        self._join = store.client.register_script(script("join"))

    async def once(self, what: str, seconds: int = DAY_S) -> bool:
        """True for the first process that asks within these seconds, False for every other one."""
        return bool(await reply_of(self._client.set(f"{self._prefix}once:{what}", 1, nx=True, ex=seconds)))

    async def was(self, what: str) -> bool:
        return bool(await reply_of(self._client.exists(f"{self._prefix}once:{what}")))

    async def join(self, thread: str, since: str) -> None:
        """Record that the bot takes part in a thread since this message or event. The earliest one counts."""
        await reply_of(self._join(keys=[self._thread(thread)], args=[since, self._ttl]))

    async def leave(self, thread: str) -> None:
        await reply_of(self._client.delete(self._thread(thread)))

    async def joined(self, thread: str) -> str:
        """The message or event with which the bot joined a thread; empty if it does not take part."""
        return cast("str | None", await reply_of(self._client.get(self._thread(thread)))) or ""

    def _thread(self, thread: str) -> str:
        return f"{self._prefix}in:{thread}"


class Latest:
    """The names noted last, under one key: a zset of name -> seconds since the epoch.

    Args:
        most: how many names to keep; the newest ones stay.
        keep_s: how long to keep them, in seconds.
        each: whether each name expires by itself. If False, all expire together, `keep_s` after the last one was
            noted: a place that is quieter than the others stays, and questions asked there during a gap are found.
    """

    def __init__(self, store: Store, key: str, most: int, keep_s: int, *, each: bool = True) -> None:
        self._client = store.client
        self._key = f"{store.prefix}{key}"
        self._most = most
        self._keep_s = keep_s
        self._each = each

    async def note(self, name: str) -> None:
        now = time.time()
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.zadd(self._key, {name: now})
            if self._each:
                pipe.zremrangebyscore(self._key, "-inf", now - self._keep_s)
            pipe.zremrangebyrank(self._key, 0, -self._most - 1)
            pipe.expire(self._key, self._keep_s)
            await reply_of(pipe.execute())

    async def names(self, count: int = 0) -> dict[str, float]:
        """The newest `count` names (0: all), newest first, with the time when each was noted."""
        found: Any = await reply_of(self._client.zrange(self._key, 0, count - 1, desc=True, withscores=True))
        return {str(name): float(at) for name, at in found}

    async def drop(self, name: str) -> None:
        await reply_of(self._client.zrem(self._key, name))
