"""After a gap: find the questions, edits and deletions that were missed, and hand them to the desk as if they came now.

Slack sends an event at most four times within some six minutes, and none while there is no connection. So while events
can arrive, that is stamped in Redis; a stamp that was not renewed for a while is a gap. So is the start of a process:
the one before it may have died with events, again and again, while others lived. Every channel and thread that
is known is then looked through, once for each gap, by whichever process has taken that on; who dies at it leaves the
rest to the next one.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial

from glados_bots.errors import StoreUnavailableError
from glados_bots.retrying import growing_pauses
from glados_bots.surface import PlaceGoneError, PlatformAwayError
from glados_slack.connection.calls import RefusedError
from glados_slack.connection.places import conversation_of
from glados_slack.incoming.desk import SlackDesk
from glados_slack.incoming.facts import Channel
from glados_slack.incoming.look_back import Asked, LookBack
from glados_slack.incoming.shared import SlackShared

log = logging.getLogger(__name__)

EVERY_S = 1.0
SLACK_S = 60.0  # a connection may have been dead for so long before that was noticed
TAKEN_S = 10.0  # a process that died at it is followed by another after so long
LONGEST_NAP_S = 30.0
Gaps = Mapping[int, int]  # begin -> end, in ms


class SlackCatchUp:
    """Stamps the time while events can arrive, and looks back when they could not."""

    def __init__(self, shared: SlackShared, desk: SlackDesk, is_well: Callable[[], bool]) -> None:
        self._facts = shared.facts
        self._look_back = LookBack(shared, desk)
        self._is_well = is_well
        self._longest_s = shared.settings.catch_up_minutes * 60

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stamp_for_ever())
            if self._longest_s:
                group.create_task(self._look_for_ever())

    async def _stamp_for_ever(self) -> None:
        is_first = True
        while True:
            try:
                if self._is_well():
                    await self._facts.stamp(is_first=is_first)
                    is_first = False
            except StoreUnavailableError as error:
                log.debug("no stamp: %s", error)
            await asyncio.sleep(EVERY_S)

    async def _look_for_ever(self) -> None:
        nap, pauses = EVERY_S, growing_pauses(2 * EVERY_S, LONGEST_NAP_S)
        while True:
            await asyncio.sleep(nap)
            try:
                if self._is_well():
                    await self._look_if_needed()
                nap, pauses = EVERY_S, growing_pauses(2 * EVERY_S, LONGEST_NAP_S)
            except (StoreUnavailableError, PlatformAwayError) as error:
                nap = next(pauses)
                log.warning("what was missed in a gap cannot be read (%s); trying again in %.0f s", error, nap)
            except Exception:
                nap = LONGEST_NAP_S
                log.exception("what was missed in a gap cannot be read")

    async def _look_if_needed(self) -> None:
        gaps = await self._facts.gaps()
        if not gaps or not await self._facts.take(TAKEN_S):
            return
        keeping = asyncio.create_task(self._keep())
        try:
            await self._look(gaps)
            await self._facts.close(gaps)
        finally:
            keeping.cancel()
            with suppress(StoreUnavailableError):
                await self._facts.give_back()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(TAKEN_S / 3)
            with suppress(StoreUnavailableError):
                await self._facts.keep(TAKEN_S)

    async def _look(self, gaps: Gaps) -> None:
        """Look through every workspace at once: Slack counts calls by workspace."""
        teams = defaultdict[str, list[Channel]](list)
        for channel in await self._facts.channels():
            teams[channel.team].append(channel)
        works = (self._look_in(channels, gaps) for channels in teams.values())
        for outcome in await asyncio.gather(*works, return_exceptions=True):
            if outcome:
                raise outcome
        log.info("after a gap, %d workspaces were looked through", len(teams))

    async def _look_in(self, channels: list[Channel], gaps: Gaps) -> None:
        """Channels before threads; of both, what was looked through longest ago comes first."""
        asked, looked = await self._facts.asked(), await self._facts.looked()
        for channel in sorted(channels, key=lambda one: looked.get(one.id, 0)):
            await self._see_to(channel.id, gaps, looked, partial(self._channel, channel, asked))
        known = {channel.id: channel for channel in channels}
        for name in sorted(asked, key=lambda one: looked.get(one, 0)):
            place, _, thread = name.rpartition(":")
            if place in known:
                look = partial(self._look_back.thread, known[place], thread, asked[name])
                await self._see_to(name, gaps, looked, look)

    async def _channel(self, channel: Channel, asked: Mapping[str, Asked], since_s: float) -> None:
        """A channel, and threads in it that only what is new in it tells of."""
        for thread in await self._look_back.channel(channel, asked, since_s):
            if conversation_of(channel.id, thread) not in asked:
                await self._look_back.thread(channel, thread, {}, since_s)

    async def _see_to(
        self, name: str, gaps: Gaps, looked: Mapping[str, int], look: Callable[[float], Awaitable[None]]
    ) -> None:
        """Look through a place since the first gap that it was not looked through after."""
        begins = [since for since, until in gaps.items() if until > looked.get(name, 0)]
        if not begins:
            return
        try:
            await look(max(min(begins) / 1000 - SLACK_S, time.time() - self._longest_s))
        except (RefusedError, PlaceGoneError) as error:
            log.info("%s cannot be looked through: %s", name, error)
        await self._facts.note_looked(name, max(gaps.values()))
