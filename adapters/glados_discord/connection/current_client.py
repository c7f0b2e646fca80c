"""The discord.py client in use. A failed connection replaces it, so no other part may keep a client."""

import asyncio
from collections import OrderedDict

import discord

from glados_bots.surface import PlatformAwayError
from glados_discord.connection.refusals import as_core_errors

PATIENCE_S = 10.0
MOST_HEARD = 10_000


class NotConnectedError(PlatformAwayError):
    """No client is logged in: Discord is not reachable, or not yet."""


class HeardMessages:
    """Messages that existed during the present session, so that Discord would have told their deletion."""

    def __init__(self) -> None:
        self._messages: OrderedDict[int, None] = OrderedDict()

    def add(self, message: int) -> None:
        self._messages[message] = None
        if len(self._messages) > MOST_HEARD:
            self._messages.popitem(last=False)

    def begin_anew(self) -> None:
        """Begin a session: events before it may have been missed."""
        self._messages.clear()

    def __contains__(self, message: int) -> bool:
        return message in self._messages


class CurrentClient:
    """Holds the client that is logged in now."""

    def __init__(self) -> None:
        self.heard = HeardMessages()  # messages whose deletion cannot have been missed
        self._client: discord.Client | None = None
        self._up = asyncio.Event()

    def use(self, client: discord.Client) -> None:
        self._client = client
        self._up.set()

    def drop(self, client: discord.Client) -> None:
        if self._client is client:
            self._client = None
            self._up.clear()

    @property
    def client(self) -> discord.Client | None:
        return self._client

    async def get(self) -> discord.Client:
        """The client; waits some seconds for one. Raises NotConnectedError."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._up.wait()
        except TimeoutError:
            raise NotConnectedError("no connection to Discord at the moment") from None
        if self._client is None:
            raise NotConnectedError("the connection to Discord was just lost")
        return self._client

    async def reopen(self, channel: int) -> None:
        """Reopen an archived thread, in which edits fail."""
        with as_core_errors():
            thread = await (await self.get()).fetch_channel(channel)
            if isinstance(thread, discord.Thread):
                await thread.edit(archived=False)

    async def channel(self, channel: int | str, guild: int | str | None = None) -> discord.PartialMessageable:
        """A channel or thread to write to. This makes no call to Discord."""
        client = await self.get()
        return client.get_partial_messageable(int(channel), guild_id=int(guild) if guild else None)
