"""How often strangers may try: counted before a try is looked at, so that many at once are counted too.

    glados:{web}:NAME:ADDRESS   int   tries from one address (IPv6: one /64) in this quarter of an hour
    glados:{web}:NAME:all       int   tries from everywhere that were not right

The count of everywhere makes guessing from many addresses slow as well: 300 in a quarter of an hour are 28 800 a day,
and nothing against twelve characters. It also locks out who knows the password while an attack goes on, which is the
lesser harm: chats that are open stay open.
"""

import hashlib
import ipaddress
from collections.abc import Awaitable
from typing import cast

from glados_bots.store import Store, ask

WINDOW_S = 900


class Throttle:
    """Counts tries of one kind in Redis, for all processes of the page together."""

    def __init__(self, store: Store, name: str, per_address: int, of_all: int) -> None:
        self._client = store.client
        self._prefix = f"{store.prefix}{name}:"
        self._per_address = per_address
        self._of_all = of_all

    async def wait_s(self, address: str) -> int:
        """Count one try; 0 when it may be looked at, else the seconds until the next one may."""
        async with self._client.pipeline(transaction=True) as pipe:
            for key in (self._key(address), self._all):
                pipe.incr(key)
                pipe.expire(key, WINDOW_S, nx=True)
                pipe.ttl(key)
            own, _, own_left, every, _, all_left = await ask(pipe.execute())
        if own > self._per_address:
            return max(1, int(own_left))
        return max(1, int(all_left)) if every > self._of_all else 0

    async def forgive(self, address: str) -> None:
        """The try was right."""
        await ask(cast("Awaitable[object]", self._client.delete(self._key(address))))
        await ask(cast("Awaitable[object]", self._client.decr(self._all)))

    @property
    def _all(self) -> str:
        return f"{self._prefix}all"

    def _key(self, address: str) -> str:
        """Only a hash: who signed in from where is nobody's business."""
        return f"{self._prefix}{hashlib.sha256(_network(address).encode()).hexdigest()[:32]}"


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
