"""After a gap: find the questions that were missed, by reading history, and hand them to the desk as if they came now.

The gateway repeats what was missed when it resumes a session; after a restart or an invalid session it does not. While
events arrive, the time is stamped in Redis; without a connection, or before a gap was looked through, it is not. One
stamp for each shard serves all channels: only those with a newer last message are read, accepting a question twice is
impossible, and a slack covers what was on its way.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import discord

from glados_bots.errors import StoreUnavailableError
from glados_discord.memory import Memory
from glados_discord.rates import Rates
from glados_discord.refusals import Temporary
from glados_discord.settings import DiscordSettings

log = logging.getLogger(__name__)

SLACK_S = 120  # a connection may have been dead for so long before that was noticed
STAMP_EVERY_S = 5.0
LONGEST_NAP_S = 60.0
MOST_DMS = 50
Readable = discord.abc.Messageable
_Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
Take = Callable[[discord.Message], Awaitable[None]]


class CatchUp:
    """Stamps the time while all is well, and looks back when it was not."""

    def __init__(self, memory: Memory, rates: Rates, settings: DiscordSettings, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._memory = memory
        self._rates = rates
        self._settings = settings
        self._caught: set[str] = set()
        self._lost: set[str] = set()

    def lost(self, shard: int | None) -> None:
        """A shard has no connection; discord.py goes on calling its client ready."""
        self._lost.add(_name(shard))

    def resumed(self, shard: int | None) -> None:
        """It is back, and was told what it missed."""
        self._lost.discard(_name(shard))

    async def look_back(self, client: discord.Client, shard: int | None, take: Take) -> None:
        """Read what was written since the last stamp, within the bounds; again while Discord or Redis is away."""
        name, nap = _name(shard), 1.0
        self._caught.discard(name)
        self._lost.discard(name)
        while not client.is_closed():
            try:
                await self._look(client, shard, take)
            except (StoreUnavailableError, *Temporary) as error:
                log.warning("what was missed in a gap cannot be read (%s); trying again in %.0f s", error, nap)
                await asyncio.sleep(nap)
                nap = min(2 * nap, LONGEST_NAP_S)
            else:
                self._caught.add(name)
                return

    async def _look(self, client: discord.Client, shard: int | None, take: Take) -> None:
        since = await self._since(_name(shard))
        looked_at = 0
        if since is not None:
            async for message in self._missed(client, shard, since):
                looked_at += 1
                await take(message)
        if looked_at:
            log.info("after a gap, %d messages since then were looked at", looked_at)

    async def stamp_for_ever(self, is_well: Callable[[], bool]) -> None:
        """While `is_well`, note the time for every shard that has looked back."""
        while True:
            if is_well():
                await self.stamp()
            await asyncio.sleep(STAMP_EVERY_S)

    async def stamp(self) -> None:
        """Note that everything until now has arrived."""
        try:
            for name in sorted(self._caught - self._lost):
                await self._memory.stamp(name, int(self._clock() * 1000))
        except StoreUnavailableError as error:
            log.debug("no stamp: %s", error)

    async def _since(self, name: str) -> discord.Object | None:
        """A point in time as an id; None on the very first start, and when this is switched off."""
        stamped = await self._memory.stamped(name)
        if stamped is None or not self._settings.catch_up_minutes:
            return None
        since = max(stamped / 1000 - SLACK_S, self._clock() - self._settings.catch_up_minutes * 60)
        return discord.Object(int(since * 1000 - discord.utils.DISCORD_EPOCH) << 22)

    async def _missed(
        self, client: discord.Client, shard: int | None, since: discord.Object
    ) -> AsyncIterator[discord.Message]:
        left = self._settings.catch_up_messages
        for place in [*_guild_places(client, shard, since), *await self._direct(client, shard)]:
            await self._rates.enter("catch-up")
            try:
                async for message in place.history(limit=left, after=since, oldest_first=True):
                    left -= 1
                    yield message
            except discord.DiscordServerError:
                raise
            except discord.HTTPException as error:
                log.info("a place could not be read after a gap (%d)", error.code)
            if left <= 0:
                log.warning("more was missed than GLADOS_DISCORD_CATCH_UP_MESSAGES allows to look at")
                return

    async def _direct(self, client: discord.Client, shard: int | None) -> list[Readable]:
        """Direct conversations used lately; they belong to the first shard."""
        if shard:
            return []
        found = await self._memory.recent_dms(MOST_DMS)
        return [client.get_partial_messageable(channel, type=discord.ChannelType.private) for channel in found]


def _name(shard: int | None) -> str:
    return str(shard or 0)


def _guild_places(client: discord.Client, shard: int | None, since: discord.Object) -> list[Readable]:
    """Channels and threads with something new that the bot may read."""
    found: list[Readable] = []
    for guild in client.guilds:
        if shard is not None and guild.shard_id != shard:
            continue
        places: list[_Place] = [*guild.text_channels, *guild.voice_channels, *guild.stage_channels, *guild.threads]
        for place in places:
            granted = place.permissions_for(guild.me)
            if (place.last_message_id or 0) > since.id and granted.view_channel and granted.read_message_history:
                found.append(place)
    return found
