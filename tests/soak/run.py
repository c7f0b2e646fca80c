"""The soak itself: start everything, let people ask, kill at random, wait for the last answer, judge."""

import asyncio
import logging
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import httpx

from glados_bots import embedded_redis
from glados_bots.errors import StoreUnavailableError
from glados_bots.store import ask, connect
from tests.servers import free_port
from tests.soak.far_ends import FAR_ENDS, DiscordEnd, Seen, SlackEnd
from tests.soak.parts import API_KEY, Part, python
from tests.soak.verdict import Asked, Recovery, Verdict, judge, late, recovery, spread

log = logging.getLogger(__name__)

TELL_EVERY_S = 20.0
MOST_OPEN = 4  # unanswered questions of a thread; the queue takes ten


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        messages: questions on each platform.
        threads: over how many threads.
        platforms: any of FAR_ENDS.
        replicas: adapter processes of each platform.
        kill_every_s: shortest and longest time between two kills.
        seed: of the dice; the same seed asks and kills the same, as far as time allows.
        lease_s: after which a dead worker's turn is taken over.
        patience_s: how long the last answers may take once everything runs again.
        longest_s: after this time nothing more is asked.
        pause_s: mean pause before each question of a thread; without pauses, Slack's limits of calls a minute are what
            most answers wait for.
        quiet: questions asked one by one before the first kill, to see how soon the first words come.
    """

    messages: int
    threads: int
    platforms: tuple[str, ...] = ("discord",)
    replicas: int = 2
    kill_every_s: tuple[float, float] = (2.0, 5.0)
    seed: int = 0
    lease_s: float = 5.0
    patience_s: float = 180.0
    quiet: int = 20
    longest_s: float = 3600.0
    pause_s: float = 0.0


@dataclass
class Report:
    """What came out, by platform."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    asked: int = 0
    late: dict[str, int] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    full: dict[str, list[str]] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    recoveries: dict[str, Recovery] = field(default_factory=dict)
    first_words_s: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the promise held everywhere."""
        return all(verdict.holds for verdict in self.verdicts.values())

    def lines(self) -> list[str]:
        """For people."""
        kills = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return [
            f"{self.asked} questions in {self.seconds:.0f} s; killed: {kills or 'nothing'}",
            *(f"{name}: {verdict}" for name, verdict in self.verdicts.items()),
            *self.details,
            *(f"{name}: delivered below a newer one by the platform: {count}" for name, count in self.late.items()),
            *(f"{name}: at the platform's limit: {', '.join(found)}" for name, found in self.full.items() if found),
            *(line for name, found in self.recoveries.items() for line in found.lines(name)),
            f"from a mention to the first words, before any kill: {spread(self.first_words_s)}",
        ]


class Soak:
    """One run in one folder."""

    def __init__(self, plan: Plan, folder: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self._plan = plan
        self._tell = tell
        self._folder = folder
        self._dice = random.Random(plan.seed)  # noqa: S311 - dice
        self._ends: list[DiscordEnd | SlackEnd] = []
        self._parts: list[Part] = []
        self._asked: dict[str, list[Asked]] = {}
        self._kills: list[float] = []
        self._number = 0
        self._quiet: set[int] = set()  # numbers of the questions that nothing disturbed

    async def run(self) -> Report:
        """All of it."""
        began = time.monotonic()
        async with self._everything():
            async with asyncio.timeout(self._plan.patience_s):
                for end in self._ends:
                    await self._connected(end)
                    await self._measure(end)
            crowd = [asyncio.create_task(self._people(end)) for end in self._ends]
            killer = asyncio.create_task(self._kill_at_random())
            teller = asyncio.create_task(self._tell_now_and_then(began))
            try:
                async with asyncio.timeout(self._plan.longest_s):
                    await asyncio.gather(*crowd)
            except TimeoutError:
                log.warning("not all was asked within %.0f s", self._plan.longest_s)
            finally:
                for task in (killer, teller, *crowd):
                    task.cancel()
                await asyncio.gather(killer, teller, *crowd, return_exceptions=True)
            await self._revive()
            await self._wait_for_the_last()
            await self._learn_accepted()
            return self._report(time.monotonic() - began)

    # --- the parts -------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _everything(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for name in self._plan.platforms:
                self._ends.append(await stack.enter_async_context(FAR_ENDS[name]()))
            port = free_port()
            redis_command = embedded_redis.command(self._folder)
            redis_url = self._redis_url = f"unix://{redis_command[redis_command.index('--unixsocket') + 1]}"
            common = {
                "GLADOS_REDIS_URL": redis_url,
                "GLADOS_INFERENCE_URL": f"http://127.0.0.1:{port}/v1",
                "GLADOS_API_KEY": API_KEY,
                "GLADOS_DATA_DIR": str(self._folder),
                "GLADOS_LEASE": str(self._plan.lease_s),
                "GLADOS_JOIN_WINDOW": "0",
                "GLADOS_GRACE": "5",
            }
            service = python("-m", "tests.fakes.served_engine", "echo", str(port))
            self._add("valkey", redis_command, {})
            self._add("service", service, common)
            for part in self._parts:
                await part.start()
            await _answers(redis_url, port)
            for end in self._ends:
                for _ in range(self._plan.replicas):
                    part = self._add(end.name, python("-m", "glados_bots", end.name), {**common, **end.env()})
                    await part.start()
            try:
                yield
            finally:
                for part in reversed(self._parts):
                    await part.end()

    def _add(self, name: str, command: list[str], env: dict[str, str]) -> Part:
        part = Part(name, command, env, self._folder / f"{name}.log")
        self._parts.append(part)
        return part

    async def _kill_at_random(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(*self._plan.kill_every_s))
            await self._revive()
            part = self._dice.choice(self._parts)
            self._kills.append(time.time())
            await part.restart(self._dice)

    async def _revive(self) -> None:
        """Start what ended by itself, as a supervisor would."""
        for part in self._parts:
            if part.died:
                await part.start()

    # --- the people ------------------------------------------------------------------------------------------------

    async def _connected(self, end: DiscordEnd | SlackEnd) -> None:
        """Return when every replica gets events: what was asked before a bot's first start is not its to answer."""
        while end.connections() < self._plan.replicas:
            await asyncio.sleep(0.5)
            await self._revive()
        await asyncio.sleep(1)

    async def _measure(self, end: DiscordEnd | SlackEnd) -> None:
        """A few questions one after the other, while nothing is killed: how soon the first words are there."""
        self._asked[end.name] = []
        for thread in range(-self._plan.quiet, 0):
            await self._ask(end, thread)
            while self._open(end, thread):
                await asyncio.sleep(0.05)
        self._quiet |= {asked.number for asked in self._asked[end.name]}

    async def _ask(self, end: DiscordEnd | SlackEnd, thread: int) -> None:
        self._number += 1
        asked = Asked(self._number, thread, end.now())
        self._asked[end.name].append(asked)
        await end.ask(thread, asked.number)

    async def _people(self, end: DiscordEnd | SlackEnd) -> None:
        each = max(1, self._plan.messages // self._plan.threads)
        dice = [random.Random(f"{self._plan.seed} {end.name} {thread}") for thread in range(self._plan.threads)]  # noqa: S311
        await asyncio.gather(*(self._ask_in(end, thread, each, dice[thread]) for thread in range(self._plan.threads)))

    async def _ask_in(self, end: DiscordEnd | SlackEnd, thread: int, count: int, dice: random.Random) -> None:
        """One thread: bursts, and pauses until all is answered."""
        await asyncio.sleep(dice.uniform(0, 3))
        for index in range(count):
            while index and (not end.has_thread(thread) or self._open(end, thread) >= MOST_OPEN):
                await asyncio.sleep(0.1)
            await asyncio.sleep(dice.uniform(0, 2 * self._plan.pause_s))
            await self._ask(end, thread)
            if dice.random() < 0.5:
                await asyncio.sleep(dice.uniform(0, 0.5))
                while self._open(end, thread):
                    await asyncio.sleep(0.1)

    def _open(self, end: DiscordEnd | SlackEnd, thread: int) -> int:
        """Questions of a thread without a whole answer."""
        return len({one.number for one in self._asked[end.name] if one.thread == thread} - end.whole(thread))

    async def _tell_now_and_then(self, began: float) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            unanswered = sum(self._open(end, thread) for end in self._ends for thread in range(self._plan.threads))
            kills = len(self._kills)
            self._tell(f"{time.monotonic() - began:.0f} s: {self._number} asked, {unanswered} open, {kills} kills")

    async def _wait_for_the_last(self) -> None:
        deadline = time.monotonic() + self._plan.patience_s
        while time.monotonic() < deadline:
            if not any(self._open(end, thread) for end in self._ends for thread in range(self._plan.threads)):
                await asyncio.sleep(1)  # whatever would be said twice is said now
                return
            await asyncio.sleep(0.2)

    async def _learn_accepted(self) -> None:
        """When each question was accepted, from the turns that are kept."""
        client = connect(self._redis_url)
        try:
            for end in self._ends:
                found = {}
                async for key in client.scan_iter(f"glados:{{{end.name}}}:t:*", count=1000):
                    text, at = await ask(cast("Awaitable[list[str | None]]", client.hmget(key, ["text", "at"])))
                    if numbers := re.findall(r"question (\d+)", text or ""):
                        found[int(numbers[-1])] = int(at or 0) / 1000
                asked = self._asked[end.name]
                self._asked[end.name] = [replace(one, accepted_at=found.get(one.number, 0.0)) for one in asked]
        finally:
            await client.aclose()

    # --- what came out ---------------------------------------------------------------------------------------------

    def _report(self, seconds: float) -> Report:
        report = Report(seconds=seconds, asked=self._number)
        for part in self._parts:
            report.kills[part.name] = report.kills.get(part.name, 0) + part.restarts
        for end in self._ends:
            asked, seen = self._asked[end.name], list(end.seen())
            report.verdicts[end.name] = judge(asked, seen)
            report.late[end.name] = late(asked)
            report.full[end.name] = end.full()
            report.details += _details(end.name, report.verdicts[end.name], seen)
            done = {number: message for message in seen for number in message.numbers}
            ends = {number: message.done_at for number, message in done.items()}
            report.recoveries[end.name] = recovery(asked, ends, self._kills)
            words = {number: message.words_at for number, message in done.items() if number in self._quiet}
            report.first_words_s += [at - one.at for one in asked if (at := words.get(one.number)) is not None]
        return report


def _details(name: str, verdict: Verdict, seen: list[Seen]) -> list[str]:
    """What stands there of the first few questions that broke the promise."""
    numbers = dict.fromkeys([*verdict.doubled, *verdict.out_of_order, *verdict.lost])
    return [
        f"  {name} {number}: thread {one.thread}, place {one.order}, done {one.done_at:.1f}: {one.text[:80]!r}"
        for number in list(numbers)[:6]
        for one in seen
        if number in one.numbers
    ]


async def _answers(redis_url: str, port: int) -> None:
    """Return when the store and the service are up; bounded."""
    client = connect(redis_url)
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
            while True:
                try:
                    await ask(client.ping())
                    (await http.get(f"http://127.0.0.1:{port}/ready")).raise_for_status()
                except (StoreUnavailableError, httpx.HTTPError):
                    await asyncio.sleep(0.1)
                else:
                    return
    finally:
        await client.aclose()
