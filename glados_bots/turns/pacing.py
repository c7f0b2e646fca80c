"""When to edit: all streams of a bucket share one budget, and all processes share it through Redis.

One script grants requests (store/lua/pace.lua), and never more than the limit in any window of one period. Final edits
come first. Ordinary edits go in turns: the stream that was served longest ago comes first. They are spread evenly and
leave a part of the budget to final edits. An edit that must wait is not queued: its stream asks again with newer text.
"""

import asyncio
from contextlib import AsyncExitStack, suppress

from glados_bots.errors import StoreUnavailableError
from glados_bots.metrics import RATE_LIMITED
from glados_bots.store.connection import Client, reply_of, script
from glados_bots.surface import Budget
from glados_bots.turns import in_hand
from glados_bots.turns.gate import Gate

LONGEST_NAP_S = 1.0
GATE_WAY_S = 0.02  # the precision lost by counting in whole milliseconds
GATE_PATIENCE_S = 5.0  # a Redis that restarts is reachable by then
MOST_GATES = 10_000


class Pacer:
    """Grants edits to any number of streams. There is one object per process."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._script = client.register_script(script("pace"))
        self._prefix = prefix
        self._client = client
        self._gates: dict[str, Gate] = {}
        self._platform = prefix.partition("{")[2].partition("}")[0]

    def gate(self, budget: Budget, most: int, longest_flight_s: float) -> Gate:
        """The last gate before the limit of a budget. It lets `most` calls through per period."""
        name = budget.bucket
        if name not in self._gates:
            if len(self._gates) >= MOST_GATES:
                self._gates.clear()  # their counts are in Redis
            self._gates[name] = Gate(
                self._client, self._prefix, name,
                most=most, period_s=budget.period_s + GATE_WAY_S, longest_flight_s=longest_flight_s,
                patience_s=GATE_PATIENCE_S,
            )  # fmt: skip
        return self._gates[name]

    async def wait(
        self, budget: Budget, stream: str, *, final: bool = False, given_up: asyncio.Event | None = None
    ) -> bool:
        """True when `stream` may make one request in this bucket, False when `given_up` was set meanwhile.

        Without Redis, every stream makes a fair guess: one edit per period. It asks Redis again as soon as Redis
        answers, because the periods of some platforms last a minute.
        """
        given_up, clock = given_up or asyncio.Event(), asyncio.get_running_loop().time
        away_since: float | None = None
        waited = False
        async with AsyncExitStack() as stack:
            while not given_up.is_set():
                try:
                    nap = await self.ask(budget, stream, final=final)
                except StoreUnavailableError:
                    away_since = clock() if away_since is None else away_since
                    nap = away_since + budget.period_s - clock()
                else:
                    away_since = None
                if nap <= 0:
                    return True
                if not waited:
                    waited = True
                    await stack.enter_async_context(in_hand.waits())
                await sleep_unless(given_up, min(nap, LONGEST_NAP_S))
        return False

    async def ask(self, budget: Budget, stream: str, *, final: bool = False) -> float:
        """Take a grant and return 0, or return the seconds after which to ask again."""
        args: list[str | int] = [stream, int(final)]
        bucket: Budget | None = budget
        while bucket:
            args += [bucket.bucket, bucket.limit, int(bucket.period_s * 1000)]
            bucket = bucket.within
        return int(await reply_of(self._script(keys=[self._prefix], args=args))) / 1000

    async def try_once(self, budget: Budget, stream: str) -> bool:
        """Take a grant if there is one now. Without Redis there is none."""
        try:
            return await self.ask(budget, stream) <= 0
        except StoreUnavailableError:
            return False

    async def exhausted(self, budget: Budget, retry_after_s: float, *, refused: bool = True) -> None:
        """Stop the requests of all processes in the bucket for `retry_after_s`, as the platform demands.

        Args:
            budget: the budget of the exhausted bucket.
            retry_after_s: seconds from now.
            refused: whether the platform refused a call (429); else its headers said that nothing is left.
        """
        if refused:
            RATE_LIMITED.labels(self._platform).inc()
        until = f"{self._prefix}pace:{budget.bucket}:closed"
        await reply_of(self._script.registered_client.set(until, 1, px=max(1, int(retry_after_s * 1000))))


async def sleep_unless(given_up: asyncio.Event, seconds: float) -> None:
    """Return after `seconds`, or as soon as the event is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await given_up.wait()
