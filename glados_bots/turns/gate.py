"""The last gate before a platform's limit: calls of all processes pass it, with a grant or without.

A budget's grant (pacing.py) says who goes first, but not when: between it and the platform's counter lie queues and
retries, a busy process, and the network. So what matters to the gate is when the platform may have counted a call: at
some moment until its answer came. A call takes a place from its start until a period after its answer, and there are no
more places than the platform allows calls in a period. Then no period holds more of them, however long each was on its
way.
"""

import asyncio
import secrets
import time
from contextlib import suppress

from glados_bots.errors import StoreUnavailableError
from glados_bots.store.connection import Client, reply_of, script
from glados_bots.turns import in_hand

LONGEST_NAP_S = 0.05  # a call in flight may be answered, and its place become free, at any moment
ALONE_PAUSE_S = 0.1  # while Redis is away, a process makes one call in this time
STORE_PATIENCE_S = 2.0


class Gate:
    """Lets calls of all processes through, at most `most` in any period. One object per process and bucket.

    Args:
        client: of Redis.
        prefix: of the platform's keys.
        bucket: what is counted together; `Pacer.exhausted` closes it.
        most: calls in a period.
        period_s: the platform's, and a little for counting in whole milliseconds.
        longest_flight_s: a call that has no answer by then was counted; its process may have died.
        patience_s: how long a call waits for Redis before it goes by itself.
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
        self._refused = f"{prefix}pace:{bucket}:closed"  # the pacer's, see `Pacer.exhausted`
        self._numbers = [most, *(int(seconds * 1000) for seconds in (period_s, longest_flight_s, LONGEST_NAP_S))]
        self._line = asyncio.Lock()  # who came first goes first

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
        """The answer of a call has come. One that never leaves counts for `longest_flight_s`, and a period more."""
        with suppress(StoreUnavailableError, TimeoutError):
            async with asyncio.timeout(STORE_PATIENCE_S):
                await reply_of(self._leave(keys=[self._calls], args=[name]))

    async def _ask(self, name: str, alone_at: float) -> float:
        """0 when the call may go, else seconds to wait. While Redis stays away each process goes slowly by itself."""
        try:
            async with asyncio.timeout(STORE_PATIENCE_S):
                found = await reply_of(self._enter(keys=[self._calls, self._refused], args=[name, *self._numbers]))
        except (StoreUnavailableError, TimeoutError):
            await asyncio.sleep(ALONE_PAUSE_S)
            return 0 if time.monotonic() >= alone_at else ALONE_PAUSE_S
        return min(int(found) / 1000, 1.0)
