"""The real discord.py against a fake: where it connects to, and a client that remembers what it was told."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import discord
import discord.gateway
import discord.http
import yarl
from discord import app_commands

from .server import ConnectSettings, FakeDiscord


@contextmanager
def connected(settings: ConnectSettings) -> Iterator[None]:
    """Every discord.py client in this process talks to the fake while this lasts.

    discord.py keeps its addresses in two process-wide globals: this sets them and puts the old ones back.
    """
    before = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    discord.http.Route.BASE = settings.api_base
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway_url)
    try:
        yield
    finally:
        discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = before


class RecordingClient(discord.Client):
    """A client that does nothing by itself and remembers every event.

    Attributes:
        events: Name and arguments of each event, in order.
        tree: Its application commands.
    """

    def __init__(self, intents: discord.Intents | None = None, **options: Any) -> None:
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        chosen = intents or discord.Intents(
            guilds=True, guild_messages=True, dm_messages=True, message_content=True, guild_reactions=True
        )
        super().__init__(intents=chosen, guild_ready_timeout=0.05, **options)
        self.tree: app_commands.CommandTree[RecordingClient] = app_commands.CommandTree(self)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Remember, then go on as usual."""
        self.events.append((event, args))
        super().dispatch(event, *args, **kwargs)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait five seconds before each further IDENTIFY."""

    def seen(self, event: str) -> list[Any]:
        """First arguments of all events of this name."""
        return [args[0] if args else None for name, args in self.events if name == event]

    @property
    def texts(self) -> list[str]:
        """Texts of all messages it was told of, its own and empty ones left out."""
        messages = [message for message in self.seen("message") if message.author != self.user]
        return [message.content for message in messages if message.content]


@asynccontextmanager
async def running(fake: FakeDiscord, client: RecordingClient | None = None) -> AsyncIterator[RecordingClient]:
    """A client that is connected and ready, and closed afterwards.

    Raises:
        Exception: Whatever `client.start` ended with before it was ready.
    """
    client = client or RecordingClient()
    with connected(fake.settings):
        task = asyncio.create_task(client.start(fake.token))
        try:
            await fake.wait_for(lambda: client.seen("ready") or task.done(), what="for the client to get ready")
            if task.done():
                await task
            yield client
        finally:
            await client.close()
            await asyncio.gather(task, return_exceptions=True)
