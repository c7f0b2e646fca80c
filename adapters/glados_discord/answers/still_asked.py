"""Checks before an answer is shown that its question still exists, if its deletion may have been missed.

Most questions were heard in the present session. That session also tells their deletions, so they cost no call. The
adapter fetches any other question once per session: before this process first shows the answer, and again before a
later change of the answer if a new session has begun meanwhile.
"""

import logging

import discord

from glados_bots.conversation import Turn
from glados_bots.store.store import Store
from glados_bots.surface import PlaceGoneError
from glados_discord.connection.current_client import CurrentClient, NotConnectedError
from glados_discord.connection.rates import Rates
from glados_discord.connection.refusals import UNKNOWN_MESSAGE, as_core_errors

log = logging.getLogger(__name__)


class StillAsked:
    """Finds deletions that Discord did not tell, and handles them like those that it told."""

    def __init__(self, current: CurrentClient, store: Store, rates: Rates) -> None:
        self._current = current
        self._store = store
        self._rates = rates

    async def check(self, turn: Turn, guild: str, channel: str, question: str) -> None:
        """Check that a question exists. `question` is its message's id, or empty for a slash command.

        Raises:
            PlaceGoneError: the question was deleted.
            NotConnectedError, PlatformAwayError: Discord cannot tell right now.
        """
        if not question or int(question) in self._current.heard:
            return
        client = await self._current.get()
        if guild and client.get_guild(int(guild)) is None:
            if not client.is_ready():
                raise NotConnectedError("the new session is not ready: nobody knows yet whose server that is")
            return  # another process hears that server, and checks itself
        place = await self._current.channel(channel, guild)
        await self._rates.enter(turn.id)
        with as_core_errors():
            try:
                await place.fetch_message(int(question))
            except discord.DiscordServerError:
                raise
            except discord.HTTPException as error:
                if error.code == UNKNOWN_MESSAGE:
                    await self.gone(turn)
                log.info("turn %s: its question could not be read (%d)", turn.id, error.code)
        self._current.heard.add(int(question))

    async def gone(self, turn: Turn) -> None:
        """Handle a question whose message was deleted. Raises PlaceGoneError, unless other messages joined it."""
        await self._store.change(turn.id, "delete")
        if await self._store.asked_of(turn.id) == "delete":
            raise PlaceGoneError("the question was deleted")
