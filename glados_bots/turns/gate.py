"""The last gate before a platform's limit. Calls of all processes pass it, with a grant or without.

A budget's grant (pacing.py) says who goes first, but not when: queues, retries, a busy process and the network lie
between the grant and the platform's counter. The platform counts a call at some moment between its start and its
answer. So a call takes a place from its start until one period after its answer. There are as many places as the
platform allows calls per period. So no period holds more calls, even if some of them took long.
"""

import asyncio
import secrets
import time
from contextlib import suppress

from glados_bots.errors import StoreUnavailableError
from glados_bots.store.connection import Client, reply_of, script
from glados_bots.turns import in_hand

LONGEST_NAP_S = 0.05  # an answer may come, and free a place, at any moment
ALONE_PAUSE_S = 0.1  # between two calls of one process while Redis is not reachable
STORE_PATIENCE_S = 2.0


class Gate:
    """Lets calls of all processes through, at most `most` in any period. There is one object per process and bucket.

    Args:
        client: the client of Redis.
        prefix: the prefix of the platform's keys.
        bucket: which calls are counted together; `Pacer.exhausted` closes it.
        most: calls per period.
        period_s: the platform's period, and a little more, because we count in whole milliseconds.
        longest_flight_s: time by which the platform has counted a call without an answer; its process may have died.
        patience_s: how long a call waits for Redis before it is made without.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        bucket: str,
        *,
        most: int,
        period_s: float,
        longest_flight_s: float,
        patience_s: float = 0.0,
    ) -> None:
        self._patience_s = patience_s
        self._enter, self._leave = (client.register_script(script(name)) for name in ("enter", "leave"))
        self._calls = f"{prefix}pace:{bucket}:calls"
        self._refused = f"{prefix}pace:{bucket}:closed"  # the key of the pacer, see `Pacer.exhausted`
        self._numbers = [most, *(int(seconds * 1000) for seconds in (period_s, longest_flight_s, LONGEST_NAP_S))]
        self._line = asyncio.Lock()  # calls pass in the order in which they came

    async def enter(self) -> str:
        """Wait until one call may be made, and return its name for `leave`."""
        name = secrets.token_hex(8)
        async with in_hand.waits(), self._line:
            alone_at = time.monotonic() + self._patience_s
            while True:
                nap = await self._ask(name, alone_at)
                if nap <= 0:
                    return name
                await asyncio.sleep(nap)

    async def leave(self, name: str) -> None:
        """Note that a call is answered. A call that never leaves counts for `longest_flight_s` and one period more."""
        with suppress(StoreUnavailableError, TimeoutError):
            async with asyncio.timeout(STORE_PATIENCE_S):
                await reply_of(self._leave(keys=[self._calls], args=[name]))

    async def _ask(self, name: str, alone_at: float) -> float:
        """0 when the call may be made, else seconds to wait. Without Redis, each process makes slow calls by itself."""
        try:
            async with asyncio.timeout(STORE_PATIENCE_S):
                found = await reply_of(self._enter(keys=[self._calls, self._refused], args=[name, *self._numbers]))
        except (StoreUnavailableError, TimeoutError):
            await asyncio.sleep(ALONE_PAUSE_S)
            return 0 if time.monotonic() >= alone_at else ALONE_PAUSE_S
        return min(int(found) / 1000, 1.0)
