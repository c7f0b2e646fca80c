"""What platforms do by themselves: outages, errors, refusals, calls that hang, connections that end."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack

SERVER_ERRORS = (500, 502, 503)
RETRY_AFTER_S = (1, 4)


@dataclass
class Weather:
    """Trouble of one platform.

    Attributes:
        fake: whose.
        dice: which trouble comes next.
        stall_s: see plan.py.
        done: how often each kind came.
        outages: how often it was away.
        away_s: for how long in all.
    """

    fake: FakeDiscord | FakeSlack
    dice: random.Random
    stall_s: tuple[float, float]
    done: Counter[str] = field(default_factory=Counter)
    outages: int = 0
    away_s: float = 0.0
    _scripted: list[Any] = field(default_factory=list, repr=False)

    def strike(self) -> None:
        """One trouble, whichever the dice say. Calls that are hit are the next ones."""
        kinds: dict[str, Callable[[], None]] = {
            "errors 5xx": self._errors,
            "429 with Retry-After": self._too_many,
            "stalls": self._stall,
            "calls cut off": self._cut,
            **(self._discord(self.fake) if isinstance(self.fake, FakeDiscord) else self._slack(self.fake)),
        }
        kind = self.dice.choice(list(kinds))
        kinds[kind]()
        self.done[kind] += 1

    async def outage(self, seconds: float) -> None:
        """Every call is answered with 503; the gateway, or the sockets, go on."""
        self.outages += 1
        began = asyncio.get_running_loop().time()
        faults: Any = self.fake.faults
        fault = faults.add(status=503, times=None)
        try:
            await asyncio.sleep(seconds)
        finally:
            faults.remove(fault)
            self.away_s += asyncio.get_running_loop().time() - began

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        for fault in self._scripted:
            self.fake.faults.remove(fault)
        self._scripted.clear()

    def _errors(self) -> None:
        status = self.dice.choice(SERVER_ERRORS)
        self._add(status=status, after_commit=self.dice.random() < 0.5, times=self.dice.randint(1, 4))

    def _too_many(self) -> None:
        self._add(status=429, retry_after_s=self.dice.randint(*RETRY_AFTER_S), times=self.dice.randint(1, 3))

    def _stall(self) -> None:
        self._add(delay_s=self.dice.uniform(*self.stall_s), times=self.dice.randint(1, 2))

    def _cut(self) -> None:
        self._add(drop=True, after_commit=self.dice.random() < 0.5, times=self.dice.randint(1, 2))

    def _add(self, **what: Any) -> None:
        self._scripted.append(self.fake.faults.add(**what))

    def _discord(self, fake: FakeDiscord) -> dict[str, Callable[[], None]]:
        return {
            "connections dropped": fake.gateway.drop,
            "reconnects asked for": fake.gateway.reconnect,
            "sessions ended": lambda: fake.gateway.invalidate(resumable=False),
        }

    def _slack(self, fake: FakeSlack) -> dict[str, Callable[[], None]]:
        return {
            "connections dropped": fake.sockets.drop,
            "reconnects asked for": fake.sockets.disconnect,
        }
