"""Small facts that every platform where people meet keeps: what was done already, and since when a thread is ours.

    glados:{discord}:once:WHAT   str   something that only one process may do, and only once
    glados:{discord}:in:THREAD   str   id or timestamp of the message or event with which the bot joined a thread

Both run out by themselves, and so do lists of what was noted last. Every method raises StoreUnavailableError.
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
        """True for the first process that asks within the time, False for every other one."""
        return bool(await reply_of(self._client.set(f"{self._prefix}once:{what}", 1, nx=True, ex=seconds)))

    async def was(self, what: str) -> bool:
        return bool(await reply_of(self._client.exists(f"{self._prefix}once:{what}")))

    async def join(self, thread: str, since: str) -> None:
        """The bot takes part in a thread since this message or event; the earliest one counts."""
        await reply_of(self._join(keys=[self._thread(thread)], args=[since, self._ttl]))

    async def leave(self, thread: str) -> None:
        await reply_of(self._client.delete(self._thread(thread)))

    async def joined(self, thread: str) -> str:
        """With which message or event the bot joined a thread; empty when it does not take part."""
        return cast("str | None", await reply_of(self._client.get(self._thread(thread)))) or ""

    def _thread(self, thread: str) -> str:
        return f"{self._prefix}in:{thread}"


class Latest:
    """Names that were noted last, under one key: a zset of name -> seconds since the epoch.

    Args:
        most: names that are kept, the newest ones.
        keep_s: for how long, in seconds.
        each: whether every name runs out by itself. Else all do, once none was noted for so long: a place that was
            quiet for longer than others is kept with them, and what is asked there in a gap is found.
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
        """The newest `count` names, or all for 0, the newest first, and when each was noted."""
        found: Any = await reply_of(self._client.zrange(self._key, 0, count - 1, desc=True, withscores=True))
        return {str(name): float(at) for name, at in found}

    async def drop(self, name: str) -> None:
        await reply_of(self._client.zrem(self._key, name))
