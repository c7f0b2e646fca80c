"""discord.py's client with our ears: it hands every event on, and decides nothing itself."""

import asyncio
import copy
import logging
from collections.abc import Callable
from typing import Any

import discord
from discord import app_commands

from glados_bots.adapter_core import AdapterCore
from glados_bots.background import Background
from glados_bots.metrics import RECONNECTS
from glados_discord.answers.controls import Action, Control
from glados_discord.answers.surface import Clock, DiscordSurface
from glados_discord.connection.current_client import CurrentClient
from glados_discord.connection.sync import sync
from glados_discord.facts import DiscordFacts
from glados_discord.incoming.catch_up import CatchUp
from glados_discord.incoming.desk import DiscordDesk
from glados_discord.incoming.shared import Shared
from glados_discord.incoming.slash import Slash
from glados_discord.incoming.turn_commands import TurnCommands
from glados_discord.incoming.whereabouts import Whereabouts
from glados_discord.settings import DiscordSettings, ids

log = logging.getLogger(__name__)


class DiscordParts:
    """What a client hands its events to. Lives longer than any client."""

    def __init__(
        self,
        core: AdapterCore[DiscordSurface],
        memory: DiscordFacts,
        current: CurrentClient,
        settings: DiscordSettings,
        clock: Clock,
    ) -> None:
        shared = Shared(core, memory, current, settings)
        self.memory = memory
        self.current = current
        self.rates = core.surface.rates
        self.settings = settings
        self.order = shared.order
        self.desk = DiscordDesk(shared)
        self.whereabouts = Whereabouts(shared)
        self.turn_commands = TurnCommands(shared)
        self.slash = Slash(shared, self.turn_commands)
        self.catch_up = CatchUp(shared, self.desk, clock=clock)
        self.hearing = Background()  # what discord.py began for events, commands and buttons, and forgets


class _Listening:
    """The events, for either kind of client."""

    parts: DiscordParts
    tree: app_commands.CommandTree[Any]
    user: discord.ClientUser | None
    application_id: int | None
    add_dynamic_items: Callable[..., None]
    is_closed: Callable[[], bool]

    @property
    def me(self) -> int:
        """The bot's id."""
        return self.user.id if self.user else 0

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Nothing is heard of a client that was closed; tasks of discord.py may outlive it, and would fail.

        An edit that follows at once changes the message that discord.py remembers: a new message is heard as it came.
        """
        if event == "message":
            args = (copy.copy(args[0]),)
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)  # type: ignore[misc]  # discord.Client's

    def _schedule_event(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = super()._schedule_event(*args, **kwargs)  # type: ignore[misc]  # discord.Client's
        self.parts.hearing.keep(task)
        return task

    async def setup_hook(self) -> None:
        """Logged in, not yet connected: buttons work from now on, and answers can be written."""
        self.add_dynamic_items(Control)
        self.parts.current.use(self)  # type: ignore[arg-type]  # it is a Client, too
        if self.application_id:
            await sync(self.tree, self.application_id, self.parts.memory, self.parts.settings)

    async def on_disconnect(self) -> None:
        """The gateway's connection was lost; discord.py makes it anew, or its end is waited for."""
        if not self.is_closed():
            RECONNECTS.labels("discord").inc()

    async def on_message(self, message: discord.Message) -> None:
        """Somebody wrote something."""
        await self.parts.desk.take_message(message, self.me)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Somebody changed a message, also one we have forgotten. Pins, previews and threads are told so, too."""
        await self.parts.desk.edited(payload.message, self.me, payload.cached_message)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Somebody deleted a message."""
        await self.parts.desk.deleted(payload.guild_id, payload.channel_id, {payload.message_id})

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """A moderator deleted many."""
        await self.parts.desk.deleted(payload.guild_id, payload.channel_id, payload.message_ids)

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """A thread is gone."""
        await self.parts.whereabouts.deleted(payload.guild_id, payload.thread_id)

    async def on_thread_join(self, thread: discord.Thread) -> None:
        """The bot was brought into a thread, or wrote in it."""
        at = thread.me.joined_at if thread.me else discord.utils.utcnow()
        await self.parts.whereabouts.joined(thread.guild.id, thread.id, discord.utils.time_snowflake(at, high=True))

    async def on_thread_remove(self, thread: discord.Thread) -> None:
        """The bot was taken out of a thread: there it answers to its name only."""
        thread.me = None  # discord.py leaves it as it was
        await self.parts.whereabouts.removed(thread.guild.id, thread.id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """A channel is gone."""
        await self.parts.whereabouts.deleted(channel.guild.id, channel.id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was removed from a server; an outage of one is another event."""
        await self.parts.whereabouts.left_guild(guild.id)

    async def on_ready(self) -> None:
        """A new session: what was missed before it is looked for. May come any number of times."""
        await self._look_back(None)

    async def press(self, interaction: discord.Interaction, action: Action, turn: str) -> None:
        """A button of ours was pressed."""
        self.parts.hearing.keep(asyncio.current_task())
        await self.parts.turn_commands.press(interaction, action, turn)

    async def _begin(self, shard: int | None) -> None:
        self.parts.current.heard.begin_anew()
        await self.parts.catch_up.begin(shard)

    async def _look_back(self, shard: int | None) -> None:
        await self.parts.catch_up.look_back(self, shard, self.me)  # type: ignore[arg-type]  # it is a Client, too


class _Tree(app_commands.CommandTree[Any]):
    """Slash commands, whose tasks are remembered."""

    parts: DiscordParts

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Called before each command, in its task."""
        del interaction
        self.parts.hearing.keep(asyncio.current_task())
        return True


def make_tree(client: discord.Client, parts: DiscordParts) -> app_commands.CommandTree[Any]:
    """The slash commands, for servers the bot is in and for its direct messages."""
    tree = _Tree(
        client,
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False),
    )
    tree.parts = parts
    parts.slash.add_to(tree)
    return tree


class SingleClient(_Listening, discord.Client):
    """One connection for all servers."""

    def __init__(self, parts: DiscordParts, **options: Any) -> None:
        super().__init__(**options)
        self.parts = parts
        self.tree = make_tree(self, parts)

    async def on_connect(self) -> None:
        """A new session begins: no event of it was handled before this."""
        await self._begin(None)

    async def on_disconnect(self) -> None:
        """The connection is gone."""
        await super().on_disconnect()
        self.parts.catch_up.lost(None)

    async def on_resumed(self) -> None:
        """It is back, and nothing was missed."""
        self.parts.catch_up.resumed(None)


class ShardedClient(_Listening, discord.AutoShardedClient):
    """A connection for each shard of this process."""

    def __init__(self, parts: DiscordParts, **options: Any) -> None:
        super().__init__(**options)
        self.parts = parts
        self.tree = make_tree(self, parts)

    async def on_ready(self) -> None:
        """Each shard looks back for itself."""

    async def on_shard_connect(self, shard: int) -> None:
        """One shard's new session begins: no event of it was handled before this."""
        await self._begin(shard)

    async def on_shard_disconnect(self, shard: int) -> None:
        """One shard's connection is gone."""
        self.parts.catch_up.lost(shard)

    async def on_shard_resumed(self, shard: int) -> None:
        """It is back, and nothing was missed."""
        self.parts.catch_up.resumed(shard)

    async def on_shard_ready(self, shard: int) -> None:
        """A new session of one shard."""
        await self._look_back(shard)


def make_client(parts: DiscordParts) -> SingleClient | ShardedClient:
    """A client as the settings want it. It must be made inside the event loop."""
    settings = parts.settings
    intents = discord.Intents(
        guilds=True, guild_messages=True, dm_messages=True, message_content=settings.message_content
    )
    options: dict[str, Any] = {
        "intents": intents,
        "allowed_mentions": discord.AllowedMentions.none(),
        "http_trace": parts.rates.trace,
    }
    if not settings.shards:
        return SingleClient(parts, **options)
    shards = sorted(ids(settings.shard_ids)) or None
    return ShardedClient(parts, shard_count=settings.shards, shard_ids=shards, **options)
