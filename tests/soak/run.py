"""The soak itself: start everything, let people ask, let things fail, wait for the last answer, judge."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

from redis.exceptions import RedisError

from glados_bots.errors import StoreUnavailableError
from glados_bots.store.connection import connect, reply_of
from tests.soak.discord_end import DiscordEnd
from tests.soak.far_ends import FarEnd
from tests.soak.parts import keep_alive
from tests.soak.people import People
from tests.soak.plan import Plan
from tests.soak.questions import WHICH
from tests.soak.report import Findings, Report
from tests.soak.slack_end import SlackEnd
from tests.soak.stage import Stage, stage
from tests.soak.verdict import judge
from tests.soak.weather import Weather
from tests.soak.web_end import WebEnd

log = logging.getLogger(__name__)

TELL_EVERY_S = 20.0
JUDGE_EVERY_S = 2.0
SETTLE_S = 3.0  # whatever would be said twice is said by then
NUMBERS = 100_000  # questions of each platform have numbers of their own


@asynccontextmanager
async def _meanwhile(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on in the background, and ends with the block. What fails there is a fault of the soak."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


class Soak:
    """One run in one folder."""

    def __init__(self, plan: Plan, folder: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self._plan = plan
        self._tell = tell
        self._folder = folder
        self._dice = random.Random(plan.seed)  # noqa: S311 - dice
        self._people: list[People] = []
        self._weather: dict[str, Weather] = {}
        self._kills: list[float] = []
        self._began = time.monotonic()

    async def run(self) -> Report:
        """All of it."""
        async with AsyncExitStack() as stack:
            ends = [self._open(name) for name in self._plan.platforms]
            for end in ends:
                await stack.enter_async_context(end)
            on_stage = await stack.enter_async_context(stage(self._plan, self._folder, ends))
            async with _meanwhile(keep_alive(on_stage.parts), self._tell_now_and_then()):
                async with asyncio.timeout(self._plan.patience_s):
                    await asyncio.gather(*(self._is_ready(end) for end in ends))
                self._tell(f"everything runs after {time.monotonic() - self._began:.0f} s")
                await self._live(on_stage)
                return await self._outcome(on_stage)

    def _open(self, name: str) -> FarEnd:
        end: DiscordEnd | SlackEnd | WebEnd
        match name:
            case "discord":
                end = DiscordEnd()
            case "slack":
                end = SlackEnd(self._plan.workspaces)
                end.fake.delivery.retry_delays_s = self._plan.redelivery_s
            case _:
                end = WebEnd(self._plan.seed)
        self._people.append(People(end, self._plan, NUMBERS * (len(self._people) + 1)))
        if not isinstance(end, WebEnd):
            self._weather[name] = Weather(end.fake, random.Random(f"{self._plan.seed} {name}"), self._plan.stall_s)  # noqa: S311 - dice
        return end

    async def _is_ready(self, end: FarEnd) -> None:
        """Return when every replica takes questions: what was asked before a first start is not theirs to answer."""
        while not await end.is_ready(self._plan.replicas):
            await asyncio.sleep(0.5)
        await asyncio.sleep(1)

    # --- while people ask ------------------------------------------------------------------------------------------

    async def _live(self, on_stage: Stage) -> None:
        """Return when nobody wants anything more, or when it took too long; nothing fails any more then."""
        weather = [work for people in self._people for work in self._trouble(people)]
        async with _meanwhile(self._kill_at_random(on_stage), *weather):
            try:
                async with asyncio.timeout(self._plan.longest_s):
                    await asyncio.gather(*(people.ask_all() for people in self._people))
            except TimeoutError:
                log.warning("not all was asked within %.0f s", self._plan.longest_s)
        for one in self._weather.values():
            one.clear()
        for part in on_stage.parts:
            await part.revive()

    async def _kill_at_random(self, on_stage: Stage) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(*self._plan.kill_every_s))
            self._kills.append(time.time())
            await self._dice.choice(on_stage.parts).restart(self._dice)

    def _trouble(self, people: People) -> list[Coroutine[Any, Any, None]]:
        weather = self._weather.get(people.end.name)
        return [self._strike_at_random(weather), self._be_away(people, weather)] if weather else []

    async def _strike_at_random(self, weather: Weather) -> None:
        while True:
            await asyncio.sleep(weather.dice.uniform(*self._plan.trouble_every_s))
            weather.strike()

    async def _be_away(self, people: People, weather: Weather) -> None:
        for number in range(1, self._plan.outages + 1):
            while people.done < number / (self._plan.outages + 1):
                await asyncio.sleep(0.5)
            await weather.outage(self._plan.outage_s)

    async def _tell_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            asked = ", ".join(f"{one.end.name} {len(one.questions)} ({one.open} open)" for one in self._people)
            self._tell(f"{time.monotonic() - self._began:.0f} s: asked {asked}; {len(self._kills)} kills")

    # --- what came out ---------------------------------------------------------------------------------------------

    async def _outcome(self, on_stage: Stage) -> Report:
        """The report, as soon as all is well and stays so; or when patience ends."""
        deadline = time.monotonic() + self._plan.patience_s
        while True:
            report = await self._report(on_stage)
            is_settled = report.holds and not any(people.end.is_busy() for people in self._people)
            if is_settled or time.monotonic() > deadline:
                await asyncio.sleep(SETTLE_S)
                return await self._report(on_stage)
            await asyncio.sleep(JUDGE_EVERY_S)

    async def _report(self, on_stage: Stage) -> Report:
        report = Report(self._plan.seed, seconds=time.monotonic() - self._began)
        for part in on_stage.parts:
            report.kills[part.name] += part.kills
            report.deaths[part.name] += part.deaths
        for people in self._people:
            end, seen = people.end, await people.end.look()
            await self._learn_accepted(people, on_stage.redis_url)
            verdict = judge(people.questions, seen, end.misdeeds(), in_order=end.in_order)
            found = report.findings[end.name] = Findings(people.questions, verdict, full=end.full())
            found.learn(seen, self._kills)
            found.given_up = end.given_up()
            broken = [one for one in people.questions if one.number in verdict.broken]
            found.stories = [line for one in broken for line in [str(one), *end.story(one.number)]]
            if weather := self._weather.get(end.name):
                found.trouble, found.outages, found.away_s = weather.done, weather.outages, weather.away_s
        return report

    async def _learn_accepted(self, people: People, redis_url: str) -> None:
        """When each question was accepted, from the turns that are kept; the store may be starting still."""
        client, known = connect(redis_url), {one.number: one for one in people.questions}
        with suppress(StoreUnavailableError, RedisError):
            async for key in client.scan_iter(f"glados:{{{people.end.name}}}:t:*", count=1000):
                text, at = await reply_of(cast("Awaitable[list[str | None]]", client.hmget(key, ["text", "at"])))
                for number, _ in WHICH.findall(text or "")[-1:]:
                    known[int(number)].accepted_at = int(at or 0) / 1000
        await client.aclose()
