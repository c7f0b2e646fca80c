"""Where the bot is: threads that it joins and leaves, deleted places, and servers that removed it."""

import logging

from glados_discord.incoming.shared import DiscordShared

log = logging.getLogger(__name__)


class Whereabouts:
    """Tracks the bot's places, and ends the work in places that are gone."""

    def __init__(self, shared: DiscordShared) -> None:
        self._core = shared.core
        self._facts = shared.facts
        self._order = shared.order
        self._settings = shared.settings

    async def joined(self, guild: int, thread: int, since: int) -> None:
        """The bot joined a thread; `since` is a Discord id that stands for the time."""
        await self._order.do(thread, lambda: self._core.marks.join(str(thread), str(since)), guild=guild)

    async def removed(self, guild: int, thread: int) -> None:
        """The bot left a thread."""
        await self._order.do(thread, lambda: self._core.marks.leave(str(thread)), guild=guild)

    async def deleted(self, guild: int, channel: int) -> None:
        """End the conversation of a deleted channel or thread."""
        await self._order.do(channel, lambda: self._end_channel(channel), guild=guild)

    async def left_guild(self, guild: int) -> None:
        """End all conversations of a server that removed the bot."""
        await self._order.do(guild, lambda: self._end_guild(guild), guild=guild)

    async def _end_channel(self, channel: int) -> None:
        await self._cancel(await self._facts.conversation(channel) or str(channel))

    async def _end_guild(self, guild: int) -> None:
        conversations = await self._facts.of_guild(guild)
        for conversation in conversations:
            await self._cancel(conversation)
            if self._settings.purge_on_leave:
                await self._core.records.forget_conversation(conversation)
        await self._facts.forget_guild(guild)
        log.info("the bot was removed from server %d: %d conversations end", guild, len(conversations))

    async def _cancel(self, conversation: str) -> None:
        for turn in await self._core.store.queue(conversation):
            await self._core.store.change(turn, "delete")
