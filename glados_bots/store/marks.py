"""Small facts that every platform where people meet keeps: what was done already, and since when a thread is ours.

    glados:{discord}:once:WHAT   str   something that only one process may do, and only once
    glados:{discord}:in:THREAD   str   id or timestamp of the message or event with which the bot joined a thread

Both run out by themselves.
"""

from typing import cast

from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store

DAY_S = 24 * 3600
# KEYS[1] the thread; ARGV: an id or a timestamp, seconds to keep it. Both are compared as text, as a number would lose
# the last digits; one with fewer digits is earlier.
_JOIN = """
local known = redis.call('GET', KEYS[1])
if known and (#known < #ARGV[1] or (#known == #ARGV[1] and known < ARGV[1])) then ARGV[1] = known end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
"""


class Marks:
    """Marks of one platform. Every method raises StoreUnavailableError when Redis is away."""

    def __init__(self, store: Store) -> None:
        self._client = store.client
        self._prefix = store.prefix
        self._ttl = store.ttl
        self._join = store.client.register_script(_JOIN)

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
