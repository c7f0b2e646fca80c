"""How often one may try: counted before a try is looked at, so that many at once are counted too.

    glados:{web}:NAME:WHO   int   tries of one address (IPv6: one /64) or one known browser in this quarter of an hour
    glados:{web}:NAME:all   int   tries of all strangers that were looked at and were not right

The count of all makes guessing from many addresses slow as well: 300 in a quarter of an hour are 28 800 a day, and
nothing against twelve characters. A try that its own address's count refuses is not among them: one address alone
cannot lock out the others. A browser that has signed in before is counted by itself: it gets in whatever strangers do.
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
        """Count one try; 0 when it may be looked at, else the seconds until the next one may.

        `browser` names one that has signed in before; it is empty for a stranger.
        """
        if wait_s := await self._count(self._key(address, browser), self._per_address):
            return wait_s
        return 0 if browser else await self._count(self._all, self._of_all)

    async def forgive(self, address: str, browser: str = "") -> None:
        """Take a try back that was right."""
        await reply_of(cast("Awaitable[object]", self._client.delete(self._key(address, browser))))
        if not browser:
            await reply_of(cast("Awaitable[object]", self._client.decr(self._all)))

    async def _count(self, key: str, most: int) -> int:
        """Seconds to wait, once there were too many."""
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
        """Only a hash: who signed in from where is nobody's business."""
        who = f"browser {browser}" if browser else _network(address)
        return f"{self._prefix}{hashlib.sha256(who.encode()).hexdigest()[:32]}"


def _network(address: str) -> str:
    """One customer has a /64 of IPv6, with more addresses than anybody could count."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
