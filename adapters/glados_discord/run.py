"""`glados discord`: the adapter's process, from its first connection to its shutdown.

discord.py reconnects by itself, but it does not survive a failed first connection: then the adapter makes a new client
after a pause. If Discord refuses the token or an intent, the process ends, because no retry helps.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import discord
import discord.gateway
import discord.http
import yarl

from glados_bots.adapter_core import AdapterCore
from glados_bots.errors import ConfigError
from glados_bots.retrying import growing_pauses
from glados_bots.settings import Settings, load
from glados_bots.store.store import Store
from glados_bots.turns.pacing import Pacer
from glados_discord.answers.surface import DiscordSurface
from glados_discord.client import make_client
from glados_discord.connection.current_client import CurrentClient
from glados_discord.facts import DiscordFacts
from glados_discord.incoming.shared import DiscordShared
from glados_discord.parts import DiscordParts
from glados_discord.settings import DiscordSettings

log = logging.getLogger(__name__)

LONGEST_NAP_S = 60.0
BAD_TOKEN = (
    "GLADOS_DISCORD_TOKEN: Discord does not accept this token; "  # noqa: S105 - a sentence
    "make a new one on the page Bot of https://discord.com/developers/applications"
)
NO_INTENT = (
    "Discord does not let the bot read messages: switch on Message Content Intent on the page Bot of "
    "https://discord.com/developers/applications, or set GLADOS_DISCORD_MESSAGE_CONTENT=false"
)
# Close codes after which discord.py gives up ("Gateway Close Event Codes" in Discord's documentation).
FATAL_CLOSES = {
    4004: BAD_TOKEN,
    4010: "GLADOS_DISCORD_SHARDS or GLADOS_DISCORD_SHARD_IDS: Discord refuses this shard",
    4011: "GLADOS_DISCORD_SHARDS: Discord wants more shards for so many servers",
    4012: "Discord does not speak this version of the gateway any more: update GLaDOS",
    4013: "Discord refuses the intents: update GLaDOS",
    4014: NO_INTENT,
}


class Bot:
    """The adapter as one object, also for tests. `run` works until `stop` is called."""

    def __init__(
        self, settings: Settings, discord_settings: DiscordSettings, clock: Callable[[], float] = time.time
    ) -> None:
        if discord_settings.token is None:
            raise ConfigError("GLADOS_DISCORD_TOKEN is not set; docs/discord.md says where to get one")
        point_at(discord_settings)
        self._token = discord_settings.token.get_secret_value()
        self.current = CurrentClient()

        def make_surface(store: Store, pacer: Pacer) -> DiscordSurface:
            self.facts = DiscordFacts(store)
            return DiscordSurface(store, pacer, self.current, self.facts, discord_settings, clock=clock)

        self.core = AdapterCore(
            settings, "discord", make_surface, server_per_minute=discord_settings.limit_guild_per_minute
        )
        self.parts = DiscordParts(DiscordShared(self.core, self.facts, self.current, discord_settings), clock)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Answer until `stop` is called. Raises ConfigError for problems that only the operator can fix."""
        works = [
            asyncio.create_task(self.core.run(), name="worker"),
            asyncio.create_task(self._stay_connected(), name="gateway"),
            asyncio.create_task(self.parts.catch_up.stamp_for_ever(self._is_well), name="stamps"),
            asyncio.create_task(self.core.surface.forgotten.run(), name="forgotten files"),
        ]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([*works, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            await self._end(works)
            stopping.cancel()

    async def _end(self, works: list[asyncio.Task[None]]) -> None:
        """Accept nothing more, let running answers finish, then disconnect."""
        if self._is_well():
            await self.parts.catch_up.stamp()
        await self.parts.order.drain()
        await self.core.drain()
        await self.core.surface.typing.aclose()
        for task in works[1:]:
            task.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        await self.parts.hearing.cancel()
        await self.core.aclose()

    def _is_well(self) -> bool:
        """Whether events arrive and are handled, and no event waits for Redis."""
        client, order = self.current.client, self.parts.order
        if client is None or not client.is_ready() or client.is_closed():
            return False
        return not order.pending and not order.is_closing

    # --- the connection --------------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        pauses = growing_pauses(1, LONGEST_NAP_S)
        while True:
            began = asyncio.get_running_loop().time()
            reason = await self._connect()
            if asyncio.get_running_loop().time() - began > LONGEST_NAP_S:
                pauses = growing_pauses(1, LONGEST_NAP_S)
            pause = next(pauses)
            log.warning("no connection to Discord (%s); trying again in %.1f s", reason, pause)
            await asyncio.sleep(pause)

    async def _connect(self) -> str:
        """Run one client from its login to its end. Returns why it ended. Raises ConfigError."""
        client = make_client(self.parts)
        try:
            async with client:
                await client.start(self._token)
        except discord.LoginFailure:
            raise ConfigError(BAD_TOKEN) from None
        except discord.PrivilegedIntentsRequired:
            raise ConfigError(NO_INTENT) from None
        except discord.ConnectionClosed as error:
            if error.code in FATAL_CLOSES:
                raise ConfigError(FATAL_CLOSES[error.code]) from None
            return f"closed with code {error.code}"
        except Exception as error:  # noqa: BLE001 - discord.py raises an AttributeError if a first connection fails
            return f"{type(error).__name__}: {error}"
        finally:
            self.current.drop(client)
        return "closed"


def point_at(settings: DiscordSettings) -> None:
    """Set the addresses of Discord, which discord.py keeps in two globals."""
    if settings.api_base:
        discord.http.Route.BASE = str(settings.api_base).rstrip("/")
    if settings.gateway_url:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(str(settings.gateway_url))


def calm_the_library() -> None:
    """Switch off discord.py's warning about voice at every start, and its traceback at every reconnection."""
    discord.VoiceClient.warn_nacl = False
    discord.VoiceClient.warn_dave = False
    logging.getLogger("discord.client").addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    if record.msg.startswith("Attempting a reconnect") and record.exc_info:
        record.msg, record.args = f"{record.getMessage()} (%s)", (record.exc_info[1],)
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
    return True


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises ConfigError."""
    calm_the_library()
    asyncio.run(_run(settings, load(DiscordSettings)))


async def _run(settings: Settings, discord_settings: DiscordSettings) -> None:
    bot = Bot(settings, discord_settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, bot.stop)
    with suppress(asyncio.CancelledError):
        await bot.run()
