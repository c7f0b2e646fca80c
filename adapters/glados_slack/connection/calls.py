"""Calls of the Web API, each within its budget, with every way of failing told apart.

A call that never reached Slack may be repeated; one whose answer was lost may have been done, and is repeated only
where that does no harm. The caller knows which it is.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from glados_bots.errors import StoreUnavailableError
from glados_bots.surface import Budget, PlaceGoneError, PlatformAwayError
from glados_bots.turns import in_hand
from glados_bots.turns.pacing import Pacer
from glados_slack.connection.budgets import budget, counted_by
from glados_slack.connection.installs import DEAD_TOKEN, Install, Installs, error_code, web_client

log = logging.getLogger(__name__)

RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
# Slack's own troubles: the call may have been done.
_THEIR_FAULT = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
# Slack takes JSON for methods that write, but one, and form fields for all (docs.slack.dev, "Slack Web API").
_FORMS = frozenset(
    "conversations.history conversations.info conversations.replies files.getUploadURLExternal files.info "
    "users.info".split()
)
# Methods with text in them. Slack fetches what links lead to, unless each of these says not to: an address that a model
# made up could tell its words to another server. Streams and chat.update are not documented to take the switches, and
# Slack passes over arguments that it does not know.
_TELLS = frozenset(
    "chat.postMessage chat.postEphemeral chat.update chat.startStream chat.appendStream chat.stopStream".split()
)
NO_PREVIEWS: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
SERVER_FAULT = 500  # HTTP statuses from here on
LONGEST_CALL_S = 15.0
DEFAULT_RETRY_S, LONGEST_RETRY_S = 5.0, 3600.0


class RefusedError(Exception):
    """Slack understood the call and refused it; repeating it will not help."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"{method}: {code}")
        self.code = code  # Slack's name of the error


class LimitedError(PlatformAwayError):
    """Too many calls of this method; Slack did nothing. The core waits as for an outage, which is no failed try."""

    def __init__(self, method: str, retry_after_s: float) -> None:
        super().__init__(f"{method}: rate limited for {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s  # when to try again, in seconds


class NotSentError(PlatformAwayError):
    """Slack could not be reached; nothing was done."""


class UnknownOutcomeError(PlatformAwayError):
    """The connection was lost, or Slack failed: nobody knows whether it was done."""


class Calls:
    """The Web API of every workspace. One HTTP session for all of them."""

    def __init__(self, installs: Installs, pacer: Pacer, session: aiohttp.ClientSession, api_base: str) -> None:
        self.installs = installs
        self._pacer = pacer
        self._session = session
        self._api_base = api_base
        self._home = urlsplit(api_base)  # its host and the hosts below it are Slack's own
        self._clients: dict[str, AsyncWebClient] = {}

    def is_slack(self, url: str) -> bool:
        """Whether an address is one of Slack's own, where our token may go."""
        parts, home = urlsplit(url), self._home
        if parts.scheme != home.scheme or not parts.hostname or parts.username or not home.hostname:
            return False
        return parts.port == home.port and (
            parts.hostname == home.hostname or parts.hostname.endswith("." + home.hostname)
        )

    def client(self, token: str) -> AsyncWebClient:
        if token not in self._clients:
            if len(self._clients) > 1000:  # noqa: PLR2004 - tokens change twice per day where they rotate
                self._clients.clear()
            self._clients[token] = web_client(token, self._api_base, self._session)
        return self._clients[token]

    async def install(self, place: Mapping[str, str]) -> Install:
        """The installation a turn's place belongs to. Raises PlaceGoneError when it is gone."""
        found = await self.installs.find(place.get("enterprise", ""), place.get("team", ""))
        if found is None:
            raise PlaceGoneError(f"the app is not installed in {place.get('team')} any more")
        return found

    async def wait(self, limits: Budget, stream: str) -> None:
        """Wait for a grant that nothing less urgent may take."""
        await self._pacer.wait(limits, stream, final=True)

    async def may(self, limits: Budget, stream: str) -> bool:
        """Whether there is a grant right now; it is taken."""
        try:
            return not await self._pacer.ask(limits, stream, final=True)
        except StoreUnavailableError:
            return False

    async def __call__(
        self, place: Mapping[str, str], method: str, limits: Budget | None = None, /, **args: Any
    ) -> Any:
        """Call a method once; its budget was asked before.

        Args:
            place: `team` and `enterprise` of the workspace.
            method: such as `chat.update`.
            limits: what a rate limit closes; the method's own budget if left out.
            args: its arguments; None leaves one out.

        Raises:
            RefusedError, LimitedError, NotSentError, UnknownOutcomeError: see there.
            PlaceGoneError: the workspace's token is dead.
        """
        install = await self.install(place)
        if install.is_org and place.get("team"):
            args["team_id"] = place["team"]
        given = {name: value for name, value in args.items() if value is not None}
        try:
            async with in_hand.waits(), self._passing(place, method, given), asyncio.timeout(LONGEST_CALL_S):
                return (await self.client(install.token).api_call(method, **_written(method, given))).data
        except SlackApiError as error:
            await self._explain(error, install, method, limits or budget(place.get("team", ""), method))
        except aiohttp.ClientConnectorError as error:
            raise NotSentError(f"{method}: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnknownOutcomeError(f"{method}: {type(error).__name__}") from error

    @asynccontextmanager
    async def _passing(self, place: Mapping[str, str], method: str, args: Mapping[str, Any]) -> AsyncIterator[None]:
        """Keep to Slack's limits however long calls are on their way; what was granted waits here a moment at most."""
        async with AsyncExitStack() as stack:
            for limits, most in counted_by(place.get("team", ""), method, str(args.get("channel", ""))):
                gate = self._pacer.gate(limits, most, LONGEST_CALL_S + 1)
                stack.push_async_callback(gate.leave, await gate.enter())
            yield

    async def _explain(self, error: SlackApiError, install: Install, method: str, limits: Budget) -> None:
        code = error_code(error)
        status = getattr(error.response, "status_code", 0)
        if code in RATE_LIMITED or status == HTTPStatus.TOO_MANY_REQUESTS:
            headers = getattr(error.response, "headers", None) or {}
            pause = seconds_of(headers.get("Retry-After"))
            with suppress(StoreUnavailableError):
                await self._pacer.exhausted(limits, pause)
            raise LimitedError(method, pause) from None
        if code in DEAD_TOKEN:
            await self.installs.mark_dead(install, code)
            raise PlaceGoneError(f"{method}: {code}") from None
        if code in _THEIR_FAULT or code.startswith("http_") or status >= SERVER_FAULT:
            raise UnknownOutcomeError(f"{method}: {code}") from None
        raise RefusedError(method, code) from None

    async def upload(self, url: str, content: bytes) -> None:
        """Send a file's bytes to an address that Slack has given for it. Our token does not go there.

        Raises what a call raises, but PlaceGoneError.
        """
        try:
            async with (
                in_hand.waits(),
                self._session.post(
                    url, data=content, headers={"Content-Type": "application/octet-stream"}, allow_redirects=False
                ) as response,
            ):
                status, pause = response.status, response.headers.get("Retry-After")
        except aiohttp.ClientConnectorError as error:
            raise NotSentError(f"upload: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnknownOutcomeError(f"upload: {type(error).__name__}") from error
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise LimitedError("upload", seconds_of(pause))
        if status >= SERVER_FAULT:
            raise UnknownOutcomeError(f"upload: status {status}")
        if status != HTTPStatus.OK:
            raise RefusedError("upload", f"status_{status}")

    async def quietly(self, place: Mapping[str, str], method: str, /, **args: Any) -> Any:
        """A call that may as well fail: its answer, or None. For what is nice to have, and repeated by nobody."""
        try:
            return await self(place, method, **args)
        except (RefusedError, LimitedError, NotSentError, UnknownOutcomeError, PlaceGoneError) as error:
            log.info("%s", error)
            return None


def _written(method: str, args: dict[str, Any]) -> dict[str, Any]:
    """Arguments as Slack takes them for a method."""
    if method not in _FORMS:
        return {"json": (NO_PREVIEWS if method in _TELLS else {}) | args}
    return {
        "data": {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in args.items()}
    }


def seconds_of(retry_after: object) -> float:
    """A Retry-After header in seconds, an hour at most; one that is missing or no such number is our own pause."""
    try:
        seconds = float(str(retry_after))
    except ValueError:
        return DEFAULT_RETRY_S
    return min(seconds, LONGEST_RETRY_S) if math.isfinite(seconds) and seconds >= 0 else DEFAULT_RETRY_S
