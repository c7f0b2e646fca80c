"""Our clients of discord.py. They pass every event to the parts, and decide nothing."""

import asyncio
import copy
from typing import Any

import discord
from discord import app_commands

from glados_bots.metrics import RECONNECTS
from glados_discord.answers.controls import Action, Control
from glados_discord.connection.permissions import NOBODY
from glados_discord.connection.sync import sync
from glados_discord.incoming.translations import Translator
from glados_discord.parts import DiscordParts
from glados_discord.settings import ids


class ListeningClient(discord.Client):
    """The common base of both kinds of client."""

    def __init__(self, parts: DiscordParts, **options: Any) -> None:
        super().__init__(**options)
        self.parts = parts
        self.tree = make_tree(self, parts)

    @property
    def me(self) -> int:
        """The bot's id; 0 before the login."""
        return self.user.id if self.user else 0

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Ignore events of a closed client: tasks of discord.py may outlive it, and would fail.

        A new message is passed on as a copy, because an edit changes the message that discord.py remembers.
        """
        if event == "message":
            args = (copy.copy(args[0]),)
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    def _schedule_event(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task = super()._schedule_event(*args, **kwargs)
        self.parts.hearing.keep(task)
        return task

    async def setup_hook(self) -> None:
        """Run after the login, before the connection: from now on buttons work, and the bot can write answers."""
        self.add_dynamic_items(Control)
        await self.tree.set_translator(Translator())
        self.parts.current.use(self)
        if self.application_id:
            await sync(self.tree, self.application_id, self.parts.facts, self.parts.settings)

    # --- the connection; each event may come any number of times ---------------------------------------------------

    async def on_disconnect(self) -> None:
        """The connection to the gateway was lost. discord.py reconnects, unless the client is about to end."""
        if not self.is_closed():
            RECONNECTS.labels("discord").inc()

    async def on_shard_connect(self, shard: int) -> None:
        """A new session begins. None of its events was handled before this one."""
        self.parts.current.heard.begin_anew()
        await self.parts.catch_up.begin(shard)

    async def on_shard_disconnect(self, shard: int) -> None:
        self.parts.catch_up.lost(shard)

    async def on_shard_resumed(self, shard: int) -> None:
        """The session continues on a new connection, and no event was missed."""
        self.parts.catch_up.resumed(shard)

    async def on_shard_ready(self, shard: int) -> None:
        """The new session knows its servers. Look for messages that were missed before it."""
        await self.parts.catch_up.look_back(self, shard, self.me)

    # --- what people do --------------------------------------------------------------------------------------------

    async def on_message(self, message: discord.Message) -> None:
        await self.parts.desk.take_message(message, self.me)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """A message was edited, even one that discord.py has forgotten. Pins, previews and threads also cause this."""
        await self.parts.desk.edited(payload.message, self.me, payload.cached_message)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        await self.parts.desk.deleted(payload.guild_id, payload.channel_id, {payload.message_id})

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        await self.parts.desk.deleted(payload.guild_id, payload.channel_id, payload.message_ids)

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        await self.parts.whereabouts.deleted(payload.guild_id, payload.thread_id)

    async def on_thread_join(self, thread: discord.Thread) -> None:
        """The bot joined a thread: somebody added it, or it wrote there."""
        at = thread.me.joined_at if thread.me else discord.utils.utcnow()
        await self.parts.whereabouts.joined(thread.guild.id, thread.id, discord.utils.time_snowflake(at, high=True))

    async def on_thread_remove(self, thread: discord.Thread) -> None:
        """The bot was removed from a thread. There it now answers only messages that name it."""
        thread.me = None  # discord.py does not reset it
        await self.parts.whereabouts.removed(thread.guild.id, thread.id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self.parts.whereabouts.deleted(channel.guild.id, channel.id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was removed from a server. An outage of a server is another event."""
        await self.parts.whereabouts.left_guild(guild.id)

    async def press(self, interaction: discord.Interaction, action: Action, turn: str) -> None:
        self.parts.hearing.keep(asyncio.current_task())
        await self.parts.turn_commands.press(interaction, action, turn)


class SingleClient(ListeningClient):
    """One connection for all servers, as shard 0.

    AutoShardedClient with one shard is no substitute. If its first try to resume a session fails, it begins a new one
    (discord.py 2.7, `Shard.reconnect`), and the adapter must catch up with all that happened meanwhile.
    """

    async def on_connect(self) -> None:
        await self.on_shard_connect(0)

    async def on_disconnect(self) -> None:
        await super().on_disconnect()
        await self.on_shard_disconnect(0)

    async def on_resumed(self) -> None:
        await self.on_shard_resumed(0)

    async def on_ready(self) -> None:
        await self.on_shard_ready(0)


class ShardedClient(ListeningClient, discord.AutoShardedClient):
    """One connection per shard of this process."""


class _Tree(app_commands.CommandTree[Any]):
    """The slash commands. Their tasks are tracked."""

    parts: DiscordParts

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Track the task of a command. discord.py calls this before each command, in its task."""
        del interaction
        self.parts.hearing.keep(asyncio.current_task())
        return True


def make_tree(client: discord.Client, parts: DiscordParts) -> app_commands.CommandTree[Any]:
    """The slash commands, for the bot's servers and its direct messages."""
    tree = _Tree(
        client,
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False),
    )
    tree.parts = parts
    parts.slash.add_to(tree)
    return tree


def make_client(parts: DiscordParts) -> ListeningClient:
    """Make the client that the settings describe. Call it inside the event loop."""
    settings = parts.settings
    intents = discord.Intents(
        guilds=True, guild_messages=True, dm_messages=True, message_content=settings.message_content
    )
    options: dict[str, Any] = {
        "intents": intents,
        "allowed_mentions": NOBODY,
        "http_trace": parts.rates.trace,
    }
    if not settings.shards:
        return SingleClient(parts, **options)
    shards = sorted(ids(settings.shard_ids)) or None
    return ShardedClient(parts, shard_count=settings.shards, shard_ids=shards, **options)
