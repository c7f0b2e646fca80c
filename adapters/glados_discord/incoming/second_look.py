"""Checks the questions of the last hours after a gap, in which Discord told nobody of edits and deletions.

It reads messages in pages, so that a busy place costs few calls. It fetches a question that is not among them by its
id before the question counts as deleted: without the permission to read the history, a place looks empty.
"""

import logging
import math
from collections import defaultdict

import discord

from glados_discord.connection.refusals import UNKNOWN_MESSAGE
from glados_discord.incoming.desk import DiscordDesk
from glados_discord.incoming.shared import DiscordShared

log = logging.getLogger(__name__)

PAGE = 100


class SecondLook:
    """Tells the desk what happened to known questions while there was no session."""

    def __init__(self, shared: DiscordShared, desk: DiscordDesk) -> None:
        self._facts = shared.facts
        self._rates = shared.core.surface.rates
        self._desk = desk
        self._most = shared.settings.catch_up_messages

    async def look(self, client: discord.Client, shard: int, me: int, since_s: float) -> None:
        """Check the latest questions of a shard, at most GLADOS_DISCORD_CATCH_UP_MESSAGES.

        Args:
            client: a client that is ready.
            shard: the shard of the questions.
            me: the bot's id.
            since_s: edits before this time, in seconds since the epoch, were heard.

        Raises:
            StoreUnavailableError, DiscordServerError, aiohttp.ClientError, OSError: try again later.
        """
        for (guild, channel), questions in (await self._questions(client, shard)).items():
            place = _place(client, guild, channel)
            try:
                await self._look_at(place, guild, channel, sorted(questions), me=me, since_s=since_s)
            except discord.DiscordServerError:
                raise
            except discord.HTTPException as error:
                log.info("the questions of channel %d could not be read again (%d)", channel, error.code)

    async def _questions(self, client: discord.Client, shard: int) -> dict[tuple[int, int], list[int]]:
        """The questions that are still stored, by server and channel."""
        found = [one for one in await self._facts.asked_lately(self._most) if _is_ours(client, shard, one[0])]
        kept = await self._facts.turns_among([message for _, _, message in found])
        places: dict[tuple[int, int], list[int]] = defaultdict(list)
        for guild, channel, message in found:
            if message in kept:
                places[guild, channel].append(message)
        return places

    async def _look_at(
        self, place: discord.abc.Messageable, guild: int, channel: int, questions: list[int], *, me: int, since_s: float
    ) -> None:
        while questions:
            await self._rates.enter("catch-up")
            after = discord.Object(questions[0] - 1)
            page = {one.id: one async for one in place.history(limit=PAGE, after=after, oldest_first=True)}
            last = max(page) if len(page) == PAGE else math.inf
            for question in questions:
                if question > last:
                    break
                message = page.get(question)
                if message is None:
                    await self._perhaps_gone(place, guild, channel, question)
                elif message.edited_at and message.edited_at.timestamp() >= since_s:
                    await self._desk.edited(message, me)
            questions = [question for question in questions if question > last]

    async def _perhaps_gone(self, place: discord.abc.Messageable, guild: int, channel: int, question: int) -> None:
        await self._rates.enter("catch-up")
        try:
            await place.fetch_message(question)
        except discord.NotFound as error:
            if error.code != UNKNOWN_MESSAGE:
                raise
            log.info("turn %d: its question was deleted in a gap", question)
            await self._desk.deleted(guild or None, channel, {question})


def _is_ours(client: discord.Client, shard: int, guild: int) -> bool:
    if not guild:
        return not shard
    found = client.get_guild(guild)
    return found is not None and found.shard_id == shard


def _place(client: discord.Client, guild: int, channel: int) -> discord.abc.Messageable:
    """The channel or thread. Its id is enough if discord.py does not know it, such as an archived thread."""
    found = client.get_channel(channel)
    if isinstance(found, discord.abc.Messageable):
        return found
    if not guild:
        return client.get_partial_messageable(channel, type=discord.ChannelType.private)
    return client.get_partial_messageable(channel, guild_id=guild)
