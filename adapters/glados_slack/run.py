"""`glados slack`: everything wired, run until SIGTERM or SIGINT, and ended in order."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from glados_bots.adapter_core import AdapterCore
from glados_bots.errors import ConfigError
from glados_bots.retrying import growing_pauses
from glados_bots.settings import Settings, load
from glados_bots.store.store import Store
from glados_bots.turns.pacing import Pacer
from glados_slack.answers.surface import SlackSurface
from glados_slack.connection import bolt_app
from glados_slack.connection import http as web
from glados_slack.connection.calls import Calls
from glados_slack.connection.installation_store import Installations
from glados_slack.connection.installs import Installs, OneInstall, look_up, web_client
from glados_slack.connection.sockets import Sockets
from glados_slack.handlers import Handlers
from glados_slack.incoming.catch_up import SlackCatchUp
from glados_slack.incoming.shared import SlackShared
from glados_slack.parts import SlackParts
from glados_slack.settings import SlackSettings

log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
LONGEST_PAUSE_S = 30.0
# slack_bolt reads these by itself and would change its ways.
AMBIENT = ("SLACK_BOT_TOKEN", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN")


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError when a token is wrong or missing."""
    slack = load(SlackSettings)
    if not slack.is_configured:
        raise ConfigError("GLADOS_SLACK_BOT_TOKEN and GLADOS_SLACK_APP_TOKEN are not set; see docs/slack.md")
    for name in AMBIENT:
        os.environ.pop(name, None)
    asyncio.run(_run_until_told(settings, slack))


async def _run_until_told(settings: Settings, slack: SlackSettings) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    serving = asyncio.create_task(serve(settings, slack, told))
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await serving


async def serve(settings: Settings, slack: SlackSettings, told: asyncio.Event) -> None:
    """Answer until told to end; then take nothing more, let answers finish in the grace time, and return.

    Raises ConfigError when Slack refuses a token, or the core's settings do not fit.
    """
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=TIMEOUT))
        wiring = asyncio.create_task(stack.enter_async_context(_core(settings, slack, session)))
        told_first = asyncio.create_task(told.wait())
        await asyncio.wait({wiring, told_first}, return_when=asyncio.FIRST_COMPLETED)
        told_first.cancel()
        if not wiring.done():  # Slack was never reached
            wiring.cancel()
            await asyncio.gather(wiring, return_exceptions=True)
            return
        core = await wiring
        parts = SlackParts(SlackShared(core, slack))
        listening = asyncio.create_task(listen(parts, session), name="slack events")
        working = asyncio.create_task(core.run(), name="slack turns")
        tidying = asyncio.create_task(core.surface.tidy(), name="slack loose ends")
        waiting = asyncio.create_task(told.wait())
        try:
            await asyncio.wait({listening, working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            listening.cancel()
            ended = list(await asyncio.gather(listening, return_exceptions=True))
            await parts.shared.background.finish()
            await parts.shared.people.aclose()
            await core.drain()
            working.cancel()
            ended += await asyncio.gather(working, return_exceptions=True)
            tidying.cancel()
            await asyncio.gather(tidying, return_exceptions=True)
            await core.surface.aclose()
        _raise_first(ended)


def _raise_first(ended: list[BaseException | None]) -> None:
    """A group of errors from the connections counts as its first."""
    for error in ended:
        found: BaseException | None = error
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if found and not isinstance(found, asyncio.CancelledError):
            raise found


@asynccontextmanager
async def _core(
    settings: Settings, slack: SlackSettings, session: aiohttp.ClientSession
) -> AsyncIterator[AdapterCore[SlackSurface]]:
    installs = None if slack.uses_oauth else await one_install(slack, session)

    def make_surface(store: Store, pacer: Pacer) -> SlackSurface:
        calls = Calls(installs or many_installs(slack, store), pacer, session, str(slack.api_base))
        return SlackSurface(store, calls, streaming=slack.streaming)

    core: AdapterCore[SlackSurface] = AdapterCore(settings, "slack", make_surface)
    try:
        yield core
    finally:
        await core.aclose()


async def one_install(slack: SlackSettings, session: aiohttp.ClientSession) -> Installs:
    """The workspace of GLADOS_SLACK_BOT_TOKEN, as soon as Slack can be reached. Raises ConfigError."""
    token = slack.bot_token.get_secret_value() if slack.bot_token else ""
    client = web_client(token, str(slack.api_base), session)
    pauses = growing_pauses(1, LONGEST_PAUSE_S)
    while True:
        try:
            return OneInstall(await look_up(client, "GLADOS_SLACK_BOT_TOKEN"))
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("Slack cannot be reached (%s); trying again", type(error).__name__)
            await asyncio.sleep(next(pauses))


def many_installs(slack: SlackSettings, store: Store) -> Installations:
    """The workspaces that have installed the app by OAuth."""
    secret = slack.client_secret.get_secret_value() if slack.client_secret else ""
    client = web_client(None, str(slack.api_base), None)
    rotator = AsyncTokenRotator(client_id=slack.client_id or "", client_secret=secret, client=client)
    return Installations(store, slack.keys, rotator)


def create_app(parts: SlackParts, client: AsyncWebClient) -> AsyncApp:
    """The app with handlers for everything that Slack sends."""
    settings, installs = parts.shared.settings, parts.shared.calls.installs
    secret = settings.signing_secret.get_secret_value() if settings.signing_secret else ""
    more = {}
    if isinstance(installs, Installations):
        more["oauth_flow"] = web.oauth(settings, parts.shared.core.store, installs)
    app = bolt_app.create_app(installs, client, secret, **more)
    Handlers(parts).add_to(app)
    bolt_app.add_the_rest(app)
    return app


async def listen(parts: SlackParts, session: aiohttp.ClientSession) -> None:
    """Take events until cancelled, and look for those that were missed. Raises ConfigError."""
    settings, ways = parts.shared.settings, []
    client = web_client(None, str(settings.api_base), session)
    app = create_app(parts, client)
    if settings.mode == "http" or settings.uses_oauth:
        ways.append(web.serve(app, settings, parts.shared.core.store))
    sockets: Sockets | None = None
    if settings.mode == "socket":
        token = settings.app_token.get_secret_value() if settings.app_token else ""
        sockets = Sockets(app, client, token, settings.sockets)
        ways.append(sockets.run())
    ways.append(SlackCatchUp(parts.shared, parts.desk, lambda: sockets is None or sockets.connected > 0).run())
    async with asyncio.TaskGroup() as group:
        for way in ways:
            group.create_task(way)
