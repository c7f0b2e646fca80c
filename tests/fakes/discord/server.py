"""The fake as one object: start it, build a guild, let people act, and read the ledger."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.fakes.common.clock import dispatched
from tests.fakes.common.faults import Faults
from tests.fakes.common.server import LARGEST_REQUEST, LoopbackServer

from .cdn import Cdn
from .gateway.gateway import Gateway
from .gateway.intents import PRIVILEGED
from .people import Person
from .rest.faults import Fault
from .rest.interaction_routes import InteractionRoutes
from .rest.message_routes import MessageRoutes
from .rest.pipeline import API, Pipeline
from .rest.ratelimits import RateLimits
from .rest.thread_routes import ThreadRoutes
from .rest.user_routes import UserRoutes
from .world.clock import Clock
from .world.guilds import FakeGuild
from .world.interactions import Interactions
from .world.kinds import add_preview
from .world.ledger import MessageRecord
from .world.messages import Origin, create_message
from .world.models import Channel, JsonObject, Message, User
from .world.permissions import NONE, Permission
from .world.state import Application, World

TOKEN = "fake-token"


@dataclass(frozen=True)
class ConnectSettings:
    """Where a client has to connect to."""

    api_base: str
    gateway_url: str


class FakeDiscord:
    """A Discord with one bot account, on loopback.

    Attributes:
        token: The bot's token; any other is refused.
        bot: The bot's user.
        world: All state.
        gateway: Connections and their faults.
        faults: Faults of REST calls.
        cdn: The hosts of files, and their faults.
        rate_limits: Buckets and blocks.
        users: What the account routes tell, such as the recommended number of shards.
        clock: The server's time.
        ledger: What users saw.
        wait_for: See `Ledger.wait_for`.
    """

    def __init__(self, *, token: str = TOKEN, bot_name: str = "GLaDOS", port: int = 0) -> None:
        self.clock = Clock()
        self.token = token
        self.bot = User(self.clock.snowflake(), bot_name, bot=True)
        self.world = World(self.clock, Application(self.bot.id, int(PRIVILEGED)), self.bot)
        self.world.users[self.bot.id] = self.bot
        self.ledger = self.world.ledger
        self.wait_for = self.ledger.wait_for
        self.gateway = Gateway(self.world, token)
        self.faults = Faults(Fault)
        self.cdn = Cdn(self.world)
        self.rate_limits = RateLimits(self.clock)
        self.interactions = Interactions(self.world)
        self.users = UserRoutes(self.world)
        self.settings = ConnectSettings("", "")
        self._port = port
        self._server = LoopbackServer()

    async def __aenter__(self) -> Self:
        pipeline = Pipeline(self.world, self.rate_limits, self.faults, self.token)
        app = web.Application(middlewares=[web.middleware(pipeline)], client_max_size=LARGEST_REQUEST)
        tables = (
            self.users,
            MessageRoutes(self.world),
            ThreadRoutes(self.world),
            InteractionRoutes(self.world, self.interactions),
        )
        for table in tables:
            app.add_routes(table.routes())
        app.add_routes(
            [
                web.get("/gateway/", self.gateway.handle),
                *self.cdn.routes(),
            ]
        )
        host = await self._server.start(app, self._port)
        self.settings = ConnectSettings(f"http://{host}{API}", f"ws://{host}/gateway/")
        self.gateway.url = self.users.gateway_url = self.settings.gateway_url
        self.world.cdn_base = f"http://{host}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gateway.drop()
        await self._server.stop()

    def add_guild(self, name: str = "Aperture", *, permissions: Permission = NONE, with_bot: bool = True) -> FakeGuild:
        """A guild with every user there is so far; its owner never says anything.

        Args:
            name: Its name.
            permissions: What the bot's own role grants on top of what everybody may do.
            with_bot: Invite the bot.
        """
        guild = FakeGuild(self.clock.snowflake(), name, owner_id=self.clock.snowflake(), world=self.world)
        self.world.guilds[guild.id] = guild
        for user in self.world.users.values():
            if user is not self.bot:
                guild.add_member(user)
        if with_bot:
            guild.invite_bot(permissions)
        return guild

    def add_user(self, name: str, *, bot: bool = False) -> Person:
        """A user, who joins every guild there is so far; with `bot`, somebody else's bot."""
        user = Person(self.clock.snowflake(), name, bot, world=self.world, interactions=self.interactions)
        self.world.users[user.id] = user
        for guild in self.world.guilds.values():
            if isinstance(guild, FakeGuild):
                guild.add_member(user)
        return user

    async def webhook_says(
        self, channel: Channel, content: str = "", *, embeds: list[JsonObject] | None = None
    ) -> Message:
        """A message by a webhook, which has no account; many are nothing but embeds."""
        author = User(self.clock.snowflake(), "hook", bot=True)
        payload = {"content": content, "embeds": embeds or []}
        return await dispatched(
            create_message(self.world, channel, author, payload, origin=Origin(webhook_id=author.id))
        )

    async def preview(self, message: Message, **embed: object) -> None:
        """Add what stands behind a link of the message; `embed` has the embed's fields, such as title."""
        add_preview(self.world, message, {"type": "link", **embed})
        await asyncio.sleep(0)

    def answers(self, channel: Channel | None = None) -> list[MessageRecord]:
        """Messages of the bot that still stand, oldest first; of one channel if it is given."""
        return self.ledger.by(self.bot, None if channel is None else channel.id)

    def message(self, record: MessageRecord) -> Message:
        """The message as it stands, for a record of the ledger."""
        return self.world.channels[record.channel_id].messages[record.id]
