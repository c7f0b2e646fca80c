"""Where the app is installed, and with which token: one workspace by a setting, or many from the installation store."""

import logging
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from glados_bots.errors import ConfigError
from glados_slack.metrics import DEAD_INSTALLS

log = logging.getLogger(__name__)
oauth_log = logging.getLogger("glados_slack.oauth_sdk")
oauth_log.setLevel(logging.INFO)

# What Slack says of a token that will never work again.
DEAD_TOKEN = frozenset(
    "invalid_auth account_inactive token_revoked app_uninstalled not_authed token_expired user_removed_from_team "
    "team_disabled org_login_required not_allowed_token_type".split()
)


@dataclass(frozen=True, slots=True)
class Install:
    """The app in one workspace, or in a whole organisation (Enterprise Grid)."""

    team: str  # the workspace; empty for an organisation
    enterprise: str  # the organisation, if there is one
    token: str = field(repr=False)  # bot token
    bot_user: str  # id of our user there, which mentions name
    bot_id: str = ""  # what stands in `bot_id` of our messages
    bot_name: str = "GLaDOS"  # how people call us
    is_org: bool = False  # whether the token is for the whole organisation, so that calls must name a workspace


class Installs(Protocol):
    """All installations."""

    async def find(self, enterprise: str, team: str) -> Install | None:
        """The installation that speaks for a workspace; None when there is none, or its token is dead."""

    async def mark_dead(self, install: Install, error: str) -> None:
        """Slack refuses the token for good: do no more work for that workspace."""

    async def forget(self, enterprise: str, team: str) -> None:
        """The app was removed there."""


class OneInstall:
    """The only installation, by GLADOS_SLACK_BOT_TOKEN."""

    def __init__(self, install: Install) -> None:
        self._install: Install | None = install

    async def find(self, enterprise: str, team: str) -> Install | None:
        """The one installation, for every workspace: channels may be shared with others."""
        del enterprise, team
        return self._install

    async def mark_dead(self, install: Install, error: str) -> None:
        """Until the process is started with another token."""
        del install
        if self._install:
            DEAD_INSTALLS.inc()
            log.critical("Slack refuses GLADOS_SLACK_BOT_TOKEN (%s): no more answers until it is replaced", error)
        self._install = None

    async def forget(self, enterprise: str, team: str) -> None:
        """A workspace has removed the app: ours, or another one that shares our app-level token."""
        del enterprise
        if self._install and team in {"", self._install.team}:
            self._install = None


async def look_up(client: AsyncWebClient, variable: str) -> Install:
    """Ask Slack whose token the client has. Raises ConfigError naming the variable when it is refused."""
    try:
        found = await client.auth_test()
    except SlackApiError as error:
        code = error_code(error)
        if code in DEAD_TOKEN:
            raise ConfigError(f"{variable}: Slack refuses this token ({code}); see docs/slack.md") from None
        raise
    return Install(
        team="" if found.get("is_enterprise_install") else str(found.get("team_id") or ""),
        enterprise=str(found.get("enterprise_id") or ""),
        token=client.token or "",
        bot_user=str(found["user_id"]),
        bot_id=str(found.get("bot_id") or ""),
        bot_name=str(found.get("user") or "GLaDOS"),
        is_org=bool(found.get("is_enterprise_install")),
    )


def error_code(error: SlackApiError) -> str:
    """Slack's name of an error; `http_503` and its like where it gave none."""
    response = error.response
    data = getattr(response, "data", None) or response
    if isinstance(data, dict) and data.get("error"):
        return str(data["error"])
    return f"http_{getattr(response, 'status_code', 0)}"


def web_client(token: str | None, api_base: str, session: aiohttp.ClientSession | None) -> AsyncWebClient:
    """A client that repeats nothing by itself: what was sent may have been done (see calls.py).

    Without a session it makes one for each call: for OAuth, as aiohttp wants to know of passwords beforehand. Slack's
    answers are tokens there, so they are not logged, at whatever level.
    """
    logger = None if session else oauth_log
    client = AsyncWebClient(token=token, base_url=api_base, session=session, retry_handlers=[], logger=logger)
    if api_base.startswith("http://"):  # a server on this machine, which no proxy reaches
        client.proxy = None
    return client
