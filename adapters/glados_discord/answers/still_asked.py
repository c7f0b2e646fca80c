"""Whether a question still stands, where its deletion may have been missed: before an answer to it is shown.

Of a question that was heard in the session at hand, a deletion is heard, too, and nothing is asked of Discord. That is
the common case. Another one is asked for once in each session: before its answer's first showing in this process, and
again before a later one when a new session began meanwhile.
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
    """Finds deletions that nobody told us of, and makes them known as if somebody had."""

    def __init__(self, current: CurrentClient, store: Store, rates: Rates) -> None:
        self._current = current
        self._store = store
        self._rates = rates

    async def check(self, turn: Turn, guild: str, channel: str, question: str) -> None:
        """`question` is empty for a slash command.

        Raises:
            PlaceGoneError: the question was deleted.
            NotConnectedError, PlatformAwayError: that cannot be found out right now.
        """
        if not question or int(question) in self._current.heard:
            return
        client = await self._current.get()
        if guild and client.get_guild(int(guild)) is None:
            if not client.is_ready():
                raise NotConnectedError("the new session is not ready: nobody knows yet whose server that is")
            return  # another process hears that server, and looks itself
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
                log.info("turn %s: its question cannot be looked at (%d)", turn.id, error.code)
        self._current.heard.add(int(question))

    async def gone(self, turn: Turn) -> None:
        """The message that asked is not there any more. Raises PlaceGoneError, unless others were joined to it."""
        await self._store.change(turn.id, "delete")
        if await self._store.asked_of(turn.id) == "delete":
            raise PlaceGoneError("the question was deleted")
