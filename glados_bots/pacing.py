"""When to edit: one budget for all streams of a bucket, shared by every process through Redis.

The rate is GCRA (the leaky bucket as used in ATM networks) in one script. Ordinary edits leave a share of the burst
unused, so that a final edit always finds room; among ordinary edits, the stream that was served longest ago goes first.
An edit that must wait is not queued: its stream comes back with newer text.
"""

import asyncio
from collections.abc import Callable
from importlib import resources

from glados_bots.errors import StoreUnavailableError
from glados_bots.metrics import RATE_LIMITED
from glados_bots.store import Client, ask
from glados_bots.surface import Budget

RESERVED_FOR_FINALS = 0.2
LONGEST_NAP_S = 1.0


class Pacer:
    """Grants edits. One object a process; any number of streams."""

    def __init__(self, client: Client, prefix: str) -> None:
        script = (resources.files("glados_bots") / "lua" / "pace.lua").read_text()
        self._script = client.register_script(script)
        self._prefix = prefix
        self._platform = prefix.partition("{")[2].partition("}")[0]

    async def wait(
        self, budget: Budget, stream: str, *, final: bool = False, given_up: Callable[[], bool] = lambda: False
    ) -> bool:
        """Return True when `stream` may make one request in this bucket, False when it has given up meanwhile.

        While Redis is away every stream falls back to a fair guess of its own: one edit a period.
        """
        while not given_up():
            try:
                nap = await self._try(budget, stream, final=final)
            except StoreUnavailableError:
                await asyncio.sleep(budget.period_s)
                return True
            if nap <= 0:
                return True
            await asyncio.sleep(min(nap, LONGEST_NAP_S))
        return False

    async def _try(self, budget: Budget, stream: str, *, final: bool) -> float:
        """Take a grant, or say after how many seconds to try again."""
        reserve = 0 if final else max(1, round(budget.limit * RESERVED_FOR_FINALS)) if budget.limit > 1 else 0
        period_ms = int(budget.period_s * 1000)
        args: list[str | int] = [budget.bucket, budget.limit, period_ms, reserve, stream, int(final)]
        return int(await ask(self._script(keys=[self._prefix], args=args))) / 1000

    async def exhausted(self, budget: Budget, retry_after_s: float) -> None:
        """The platform said no for this long: nobody edits in the bucket until then."""
        RATE_LIMITED.labels(self._platform).inc()
        until = f"{self._prefix}pace:{budget.bucket}:closed"
        await ask(self._script.registered_client.set(until, 1, px=max(1, int(retry_after_s * 1000))))
