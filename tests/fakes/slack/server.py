"""The fake as one object: start it, build workspaces, let people act, and read the ledger."""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.common.clock import dispatched
from tests.fakes.common.faults import Faults
from tests.fakes.common.limits import Limit
from tests.fakes.common.server import LARGEST_REQUEST, LoopbackServer

from .api.agent_methods import METHODS as AGENTS
from .api.auth_methods import AuthMethods
from .api.chat_methods import METHODS as CHAT
from .api.conversation_methods import METHODS as CONVERSATIONS
from .api.faults import Fault
from .api.files import Files
from .api.foreign_host import ForeignHost
from .api.ratelimits import RateLimits
from .api.view_methods import ViewMethods
from .api.web_api import WebApi
from .delivery.delivery import Delivery
from .delivery.http_events import HttpEvents
from .delivery.interactions import Interactions
from .delivery.sockets import Sockets
from .people import Person
from .teams import Workspace
from .world.apps import App, Token, Tokens
from .world.clock import Clock
from .world.ledger import MessageRecord
from .world.messages import add_message, edited
from .world.models import Channel, JsonObject, Message, User
from .world.payloads import message_json
from .world.state import World

BOT_TOKEN = "xoxb-fake-token"
APP_TOKEN = "xapp-1-fake-token"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@dataclass(frozen=True)
class ConnectSettings:
    """Where and as whom an app has to connect. `api_base` ends in `/api/`."""

    api_base: str
    bot_token: str = field(default=BOT_TOKEN, repr=False)
    app_token: str = field(default=APP_TOKEN, repr=False)
    signing_secret: str = field(default=SIGNING_SECRET, repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)


class FakeSlack:
    """A Slack with one app, installed in one workspace, on loopback; more workspaces by `add_team`.

    With a `manifest` (its YAML, parsed) the app may do and is told only what that asks for.

    Attributes:
        team: The first workspace.
        app: The app's settings: scopes, subscriptions, what kind of agent it is.
        world: All state.
        sockets: Socket Mode's connections and their faults.
        http: HTTP mode: set `http.request_url` to use it instead of Socket Mode.
        delivery: Events on their way to the app, and their faults.
        faults: Faults of the Web API.
        rate_limits: Tiers and blocks.
        tokens: All tokens.
        files: Private files, and who fetched them.
        foreign: A host that is not Slack's, which keeps the tokens it is sent.
        clock: The server's time.
        ledger: What users saw.
        wait_for: See `Ledger.wait_for`.
    """

    def __init__(self, *, bot_name: str = "GLaDOS", port: int = 0, manifest: JsonObject | None = None) -> None:
        self.clock = clock = Clock()
        app = App(clock.id("A"), "1111.2222", "client-secret", SIGNING_SECRET, name=bot_name)
        if manifest is not None:
            app.apply_manifest(manifest)
        self.app = app
        self.world = World(clock, app)
        self.ledger = self.world.ledger
        self.wait_for = self.ledger.wait_for
        self.tokens = Tokens(clock, app)
        self.tokens.add(Token(APP_TOKEN, "app"))
        self.sockets = Sockets(self.world)
        self.http = HttpEvents(self.world)
        self.delivery = Delivery(self.world, self.sockets, self.http)
        self.interactions = Interactions(self.world, self.delivery)
        self.foreign = ForeignHost()
        self.faults = Faults(Fault)
        self.files = Files(self.world, self.tokens, self.faults)
        self.rate_limits = RateLimits(clock)
        self.settings = ConnectSettings("")
        self.team = self.add_team("Aperture")
        self.tokens.add(Token(BOT_TOKEN, "bot", self.team.install()))
        self._port = port
        self._server = LoopbackServer()

    @property
    def bot(self) -> User:
        """The app's bot user in the first workspace."""
        return self.team.bot

    async def __aenter__(self) -> Self:
        methods = CHAT | CONVERSATIONS | AGENTS | self.files.methods
        methods |= AuthMethods(self.tokens, self.sockets).methods | ViewMethods(self.interactions).methods
        api = WebApi(self.world, self.tokens, self.rate_limits, self.faults, methods)
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.add_routes(
            [
                web.route("*", "/api/{method}", api.handle),
                web.get("/link", self.sockets.handle),
                web.post("/response/{team}/{secret}", self.interactions.handle_response),
                web.get("/files-pri/{owner}/{name}", self.files.download),
                web.post("/upload/{secret}", self.files.upload),
                web.get("/oauth/v2/authorize", self._authorize),
            ]
        )
        await self.foreign.start()
        host = await self._server.start(app, self._port)
        self.world.base_url = f"http://{host}"
        self.sockets.url = f"ws://{host}/link"
        self.settings = ConnectSettings(
            f"{self.world.base_url}/api/", client_id=self.app.client_id, client_secret=self.app.client_secret
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.delivery.end()
        await self.http.close()
        self.sockets.end()
        await self.foreign.stop()
        await self._server.stop()

    def add_team(self, name: str, *, enterprise_id: str | None = None) -> Workspace:
        """A further workspace, without the app (see `Workspace.install`)."""
        team = Workspace(
            self.clock.id("T"),
            name,
            name.lower().replace(" ", "-"),
            enterprise_id,
            world=self.world,
            tokens=self.tokens,
            interactions=self.interactions,
        )
        self.world.teams[team.id] = team
        return team

    def add_channel(self, name: str, *, private: bool = False, with_bot: bool = True) -> Channel:
        """A channel of the first workspace."""
        return self.team.add_channel(name, private=private, with_bot=with_bot)

    def add_user(self, name: str, *, locale: str = "en-US") -> Person:
        """A person of the first workspace, who joins every public channel there is so far."""
        return self.team.add_user(name, locale=locale)

    async def webhook_says(self, channel: Channel, text: str) -> Message:
        """A message by an incoming webhook: subtype bot_message, a bot id, and no user."""
        author = User("", "hook", self.team, bot_id=self.clock.id("B"), app_id=self.clock.id("A"))
        message = Message(self.clock.timestamp(), channel, author, text=text, subtype="bot_message")
        return await dispatched(add_message(self.world, message))

    async def preview(self, message: Message, url: str) -> None:
        """Slack shows the page of a link in a message, and tells of it as a change, though nobody has edited it."""
        before = message_json(message, self.world)
        message.attachments = [{"from_url": url, "title": "A page", "id": 1, "fallback": url}]
        edited(self.world, message, before, by_person=False)
        await asyncio.sleep(0)

    def restrict_history(self) -> None:
        """Treat the app as a commercial one outside the Marketplace: history once a minute, fifteen messages."""
        self.app.is_restricted = True
        for method in ("conversations.history", "conversations.replies"):
            self.rate_limits.limits[method] = Limit(1)

    def answers(self, channel: Channel | None = None, thread: Message | None = None) -> list[MessageRecord]:
        """Messages of the bot that still stand, oldest first; of one channel or thread if it is given."""
        where = thread.channel if thread is not None else channel
        channel_id = None if where is None else where.id
        return self.ledger.by(self.bot, channel_id, None if thread is None else thread.root)

    def message(self, record: MessageRecord) -> Message:
        """The message as it stands, for a record of the ledger."""
        return self.world.channels[record.channel_id].messages[record.ts]

    async def settled(self) -> None:
        """Return when every event was handled."""
        await self.wait_for(lambda: not self.delivery.pending)

    def allow(self, team: Workspace, redirect_uri: str = "") -> str:
        """A person of `team` allows the app on Slack's page: the code that their browser brings to `redirect_uri`."""
        return self.tokens.grant(self.world.installation(team) or team.install(), redirect_uri)

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        """Slack's page with the button Allow, pressed at once; `team` in the query names the workspace."""
        team = self.world.teams.get(request.query.get("team", self.team.id))
        target = request.query.get("redirect_uri", "")
        if request.query.get("client_id") != self.app.client_id or not isinstance(team, Workspace) or not target:
            raise web.HTTPBadRequest(text="invalid_client_id, invalid_team or bad_redirect_uri")
        asked = set(request.query.get("scope", "").split(","))
        code = self.allow(team, target)
        team.installation.scopes &= asked
        query = urlencode({"code": code, "state": request.query.get("state", "")})
        raise web.HTTPFound(f"{target}?{query}")
