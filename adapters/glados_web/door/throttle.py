"""Limits how often a visitor may try. We count a try before we check it, so parallel tries count too.

    glados:{web}:NAME:WHO   int   tries per address (IPv6: per /64) or known browser in this quarter of an hour
    glados:{web}:NAME:all   int   wrong tries of all strangers, counting only those that we checked

The count of all makes guessing from many addresses slow as well: 300 per quarter of an hour are 28 800 per day, far too
few to guess twelve characters. It leaves out tries that their own address's limit refuses, so one address alone cannot
lock out the others. A browser that has signed in before has its own count, so strangers cannot lock it out.
"""

import hashlib
import ipaddress
from collections.abc import Awaitable
from typing import cast

from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store

WINDOW_S = 900


class Throttle:
    """Counts tries of one kind in Redis, for all processes of the page together."""

    def __init__(self, store: Store, name: str, per_address: int, of_all: int) -> None:
        self._client = store.client
        self._prefix = f"{store.prefix}{name}:"
        self._per_address = per_address
        self._of_all = of_all

    async def wait_s(self, address: str, browser: str = "") -> int:
        """Count one try. Return 0 if we may check it, else the seconds until the next try.

        `browser` names a browser that has signed in before. It is empty for a stranger.
        """
        if wait_s := await self._count(self._key(address, browser), self._per_address):
            return wait_s
        return 0 if browser else await self._count(self._all, self._of_all)

    async def forgive(self, address: str, browser: str = "") -> None:
        """After a right try, reset its address's or browser's count, and take the try off the count of all."""
        await reply_of(cast("Awaitable[object]", self._client.delete(self._key(address, browser))))
        if not browser:
            await reply_of(cast("Awaitable[object]", self._client.decr(self._all)))

    async def _count(self, key: str, most: int) -> int:
        """Count a try. Return the seconds to wait if there were too many, else 0."""
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.incr(key)
            pipe.expire(key, WINDOW_S, nx=True)
            pipe.ttl(key)
            count, _, left_s = await reply_of(pipe.execute())
        return max(1, int(left_s)) if count > most else 0

    @property
    def _all(self) -> str:
        return f"{self._prefix}all"

    def _key(self, address: str, browser: str) -> str:
        """Return the key of a count. It holds only a hash, because who signs in from where is private."""
        who = f"browser {browser}" if browser else _network(address)
        return f"{self._prefix}{hashlib.sha256(who.encode()).hexdigest()[:32]}"


def _network(address: str) -> str:
    """Return the address, or its /64 for IPv6: one customer has a whole /64, with too many addresses to count."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
