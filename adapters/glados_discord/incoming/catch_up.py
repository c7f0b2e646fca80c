"""After a gap: read the history, find the missed questions, and hand them to the desk like new ones.

The gateway repeats missed events when it resumes a session, but not after a restart or an invalid session. So the
adapter stamps the time in Redis while events arrive, but not without a connection or before it has read a gap. One
stamp per shard serves all channels: only channels with a newer last message are read, no question is accepted twice,
and a slack covers messages that were on their way.

New events of a server are held until the desk has its missed messages. Then the questions of the last hours are
checked again (`second_look.py`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import discord

from glados_bots.errors import StoreUnavailableError
from glados_bots.retrying import growing_pauses
from glados_discord.connection.refusals import Temporary
from glados_discord.incoming.channel_order import DIRECT, Hold
from glados_discord.incoming.desk import DiscordDesk
from glados_discord.incoming.second_look import SecondLook
from glados_discord.incoming.shared import DiscordShared

log = logging.getLogger(__name__)

SLACK_S = 120  # how long a connection may be dead before anybody notices
STAMP_EVERY_S = 5.0
LONGEST_NAP_S = 5.0  # an outage of Discord also holds new events, so its end must be noticed soon
MOST_DMS = 50
Readable = discord.abc.Messageable
_Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


class DiscordCatchUp:
    """Stamps the time while events arrive, and looks back after a gap."""

    def __init__(self, shared: DiscordShared, desk: DiscordDesk, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._facts = shared.facts
        self._rates = shared.core.surface.rates
        self._desk = desk
        self._order = shared.order
        self._settings = shared.settings
        self._second_look = SecondLook(shared, desk)
        self._caught: set[str] = set()
        self._lost: set[str] = set()
        self._holds: dict[str, Hold] = {}

    async def begin(self, shard: int) -> None:
        """Hold the events of a new session until `look_back` has read the messages that were missed before it."""
        hold = self._holds[str(shard)] = self._order.hold(shard, self._settings.shards or 1)
        self._caught.discard(str(shard))
        try:
            if await self._stamped_s(str(shard)) is None:
                hold.free_all()
        except StoreUnavailableError as error:
            log.warning("%s; cannot tell since when events were missed", error)

    def lost(self, shard: int) -> None:
        """Note that a shard has no connection: discord.py still calls its client ready."""
        self._lost.add(str(shard))

    def resumed(self, shard: int) -> None:
        """Note that a shard is connected again, and has got the events that it missed."""
        self._lost.discard(str(shard))

    async def look_back(self, client: discord.Client, shard: int, me: int) -> None:
        """Read messages since the last stamp, within the limits. Retries while Discord or Redis is not reachable."""
        name, pauses = str(shard), growing_pauses(1, LONGEST_NAP_S)
        if name not in self._holds:
            self._holds[name] = self._order.hold(shard, self._settings.shards or 1)
        hold = self._holds[name]
        hold.is_read = True
        self._caught.discard(name)
        self._lost.discard(name)
        while not client.is_closed():
            try:
                await self._look(client, shard, me, hold)
            except (StoreUnavailableError, *Temporary) as error:
                nap = next(pauses)
                log.warning("missed messages could not be read after a gap (%s); trying again in %.1f s", error, nap)
                await asyncio.sleep(nap)
            else:
                if self._holds[name] is hold:  # else another session with its own gap has begun meanwhile
                    self._caught.add(name)
                return

    async def _look(self, client: discord.Client, shard: int, me: int, hold: Hold) -> None:
        stamped_s = await self._stamped_s(str(shard))
        if stamped_s is not None:
            await self._look_for_questions(client, shard, me, hold, stamped_s - SLACK_S)
        hold.free_all()
        if stamped_s is not None:
            await self._second_look.look(client, shard, me, stamped_s - SLACK_S)

    async def stamp_for_ever(self, is_well: Callable[[], bool]) -> None:
        """While `is_well`, stamp the time for every shard that has looked back."""
        while True:
            if is_well():
                await self.stamp()
            await asyncio.sleep(STAMP_EVERY_S)

    async def stamp(self) -> None:
        try:
            for name in sorted(self._caught - self._lost):
                await self._facts.stamp(name, int(self._clock() * 1000))
        except StoreUnavailableError as error:
            log.debug("the time of the last event could not be saved: %s", error)

    async def _stamped_s(self, name: str) -> float | None:
        """Until when events arrived; None at the very first start, and if catching up is off."""
        stamped = await self._facts.stamped(name)
        return None if stamped is None or not self._settings.catch_up_minutes else stamped / 1000

    async def _look_for_questions(
        self, client: discord.Client, shard: int, me: int, hold: Hold, since_s: float
    ) -> None:
        earliest_s = self._clock() - self._settings.catch_up_minutes * 60
        since = discord.Object(int(max(since_s, earliest_s) * 1000 - discord.utils.DISCORD_EPOCH) << 22)
        left = self._settings.catch_up_messages
        for guild, places in [*_by_guild(client, shard, since), (DIRECT, await self._direct(client, shard))]:
            async for message in self._missed(places, since, left):
                left -= 1
                await self._desk.take_message(message, me, late=True)
            if left <= 0:
                log.warning("more was missed than GLADOS_DISCORD_CATCH_UP_MESSAGES allows to read")
                break
            hold.free(guild)
        if left < self._settings.catch_up_messages:
            log.info("after a gap, the bot has read %d messages", self._settings.catch_up_messages - left)

    async def _missed(
        self, places: Sequence[Readable], since: discord.Object, left: int
    ) -> AsyncIterator[discord.Message]:
        """At most `left` messages of one server since then. A place that cannot be read is logged."""
        for place in places:
            await self._rates.enter("catch-up")
            try:
                async for message in place.history(limit=left, after=since, oldest_first=True):
                    left -= 1
                    yield message
            except discord.DiscordServerError:
                raise
            except discord.HTTPException as error:
                log.info("a channel or thread could not be read after a gap (%d)", error.code)
            if left <= 0:
                return

    async def _direct(self, client: discord.Client, shard: int) -> list[Readable]:
        """The direct conversations used last. They belong to the first shard."""
        if shard:
            return []
        found = await self._facts.recent_dms(MOST_DMS)
        return [client.get_partial_messageable(channel, type=discord.ChannelType.private) for channel in found]


def _by_guild(client: discord.Client, shard: int, since: discord.Object) -> Iterator[tuple[int, Sequence[Readable]]]:
    """Each server with its channels, then its threads, that have new messages and that the bot may read."""
    for guild in client.guilds:
        if guild.shard_id != shard:
            continue
        places: list[_Place] = [*guild.text_channels, *guild.voice_channels, *guild.stage_channels, *guild.threads]
        yield guild.id, [place for place in places if _has_news(place, guild.me, since)]


def _has_news(place: _Place, me: discord.Member, since: discord.Object) -> bool:
    granted = place.permissions_for(me)
    return (place.last_message_id or 0) > since.id and granted.view_channel and granted.read_message_history
