"""Socket Mode: several connections, so that one can be replaced while another one takes events, and a watch over each.

The SDK reconnects by itself, but it repeats an expired ticket or a refused token for ever. So this module replaces a
connection that stays down. It first asks Slack whether the token is valid.
"""

import asyncio
import logging
from contextlib import suppress

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from glados_bots.errors import ConfigError
from glados_bots.metrics import RECONNECTS
from glados_bots.retrying import growing_pauses
from glados_slack.connection.installs import DEAD_TOKEN, error_code
from glados_slack.metrics import SOCKETS

log = logging.getLogger(__name__)
sdk_log = logging.getLogger("glados_slack.socket_sdk")

VARIABLE = "GLADOS_SLACK_APP_TOKEN"
CONNECT_S = 15.0
AWAY_S = 20.0  # a connection that is gone for so long does not come back by itself
LOOK_EVERY_S = 1.0
LONGEST_PAUSE_S = 30.0
PING_S = 5.0
REFUSED = {
    "forbidden_team": "Socket Mode is switched off for the app; switch it on in its settings",
    "missing_scope": "the token lacks the scope connections:write; make an app-level token with it",
}


class Sockets:
    """All connections of this process.

    Args:
        app: takes the events.
        client: for asking Slack for addresses; without a token of its own.
        token: app-level token.
        count: how many connections.
    """

    def __init__(self, app: AsyncApp, client: AsyncWebClient, token: str, count: int) -> None:
        self._app = app
        self._client = client
        self._token = token
        self._count = count
        self._ping_s = PING_S
        self._connected: set[int] = set()
        sdk_log.setLevel(logging.CRITICAL if log.getEffectiveLevel() > logging.DEBUG else logging.NOTSET)

    @property
    def connected(self) -> int:
        return len(self._connected)

    async def run(self) -> None:
        """Keep the connections until cancelled. Raises ConfigError when Slack refuses the token."""
        await self.require_token()
        async with asyncio.TaskGroup() as group:
            for number in range(self._count):
                group.create_task(self._keep(number), name=f"slack socket {number}")

    async def require_token(self) -> None:
        """Tell a wrong token from a bad line: for that nobody but Slack can be asked. Raises ConfigError."""
        try:
            await self.check_token(self._client, self._token)
        except SlackApiError as error:
            log.warning("Slack gives no address for Socket Mode: %s", error_code(error))
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("Slack cannot be reached: %s", type(error).__name__)

    @staticmethod
    async def check_token(client: AsyncWebClient, token: str) -> None:
        """Ask Slack for an address, which is not used.

        Raises:
            ConfigError: it refuses the token.
            SlackApiError, aiohttp.ClientError, TimeoutError: whatever else is wrong.
        """
        try:
            async with asyncio.timeout(CONNECT_S):
                await client.apps_connections_open(app_token=token)
        except SlackApiError as error:
            code = error_code(error)
            if code not in REFUSED and code not in DEAD_TOKEN:
                raise
            reason = REFUSED.get(code, "take a new app-level token from the app's settings")
            raise ConfigError(f"{VARIABLE}: Slack refuses it ({code}): {reason}; see docs/slack.md") from None

    async def _keep(self, number: int) -> None:
        pauses = growing_pauses(0.5, LONGEST_PAUSE_S)
        while True:
            handler = AsyncSocketModeHandler(
                self._app, self._token, logger=sdk_log, web_client=self._client, ping_interval=self._ping_s
            )
            handler.client.proxy = self._client.proxy
            try:
                async with asyncio.timeout(CONNECT_S):
                    await handler.connect_async()  # type: ignore[no-untyped-call]
                pauses = growing_pauses(0.5, LONGEST_PAUSE_S)
                log.info("connected to Slack (%d of %d)", number + 1, self._count)
                await self._watch(number, handler)
                RECONNECTS.labels("slack").inc()
                log.warning("connection %d to Slack is lost; opening it again", number + 1)
            except TimeoutError:
                log.warning("connection %d to Slack cannot be made; trying again", number + 1)
            finally:
                self._log_state(number, is_up=False)
                await _close(handler)
            await self.require_token()
            await asyncio.sleep(next(pauses))

    async def _watch(self, number: int, handler: AsyncSocketModeHandler) -> None:
        """Return when the connection has been down for too long."""
        loop = asyncio.get_running_loop()
        seen_at, session = loop.time(), handler.client.current_session
        while loop.time() - seen_at < max(AWAY_S, 4 * self._ping_s):
            is_up = await handler.client.is_connected()
            if handler.client.current_session is not session:  # the SDK has made a new one by itself
                session = handler.client.current_session
                RECONNECTS.labels("slack").inc()
            self._log_state(number, is_up=is_up)
            if is_up:
                seen_at = loop.time()
            await asyncio.sleep(min(LOOK_EVERY_S, self._ping_s))

    def _log_state(self, number: int, *, is_up: bool) -> None:
        (self._connected.add if is_up else self._connected.discard)(number)
        SOCKETS.set(len(self._connected))


async def _close(handler: AsyncSocketModeHandler) -> None:
    """End a connection, in bounded time."""
    with suppress(TimeoutError, Exception):
        async with asyncio.timeout(3):
            await handler.close_async()  # type: ignore[no-untyped-call]
