"""The discord.py client in use. It is replaced when a connection could not be made, so nothing else keeps one."""

import asyncio

import discord

PATIENCE_S = 10.0


class NotConnectedError(Exception):
    """There is no client that is logged in; try again later."""


class Link:
    """Holds the client that is logged in at the moment."""

    def __init__(self) -> None:
        self._client: discord.Client | None = None
        self._up = asyncio.Event()

    def use(self, client: discord.Client) -> None:
        """This client has logged in."""
        self._client = client
        self._up.set()

    def drop(self, client: discord.Client) -> None:
        """This client is about to be closed."""
        if self._client is client:
            self._client = None
            self._up.clear()

    @property
    def client(self) -> discord.Client | None:
        """The client, if one is logged in."""
        return self._client

    async def get(self) -> discord.Client:
        """The client, waiting some seconds for one. Raises NotConnectedError."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._up.wait()
        except TimeoutError:
            raise NotConnectedError("no connection to Discord at the moment") from None
        if self._client is None:
            raise NotConnectedError("the connection to Discord was just lost")
        return self._client

    async def channel(self, channel: int | str, guild: int | str | None = None) -> discord.PartialMessageable:
        """A channel or thread to write to; nothing is asked of Discord."""
        client = await self.get()
        return client.get_partial_messageable(int(channel), guild_id=int(guild) if guild else None)
