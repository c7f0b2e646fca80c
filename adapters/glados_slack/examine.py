"""What `glados doctor` says about Slack: whether the tokens work, and which scopes the app has."""

import asyncio
from collections.abc import Iterator

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from glados_bots.errors import ConfigError
from glados_bots.platforms import Check
from glados_bots.settings import load
from glados_slack.app_config import NEEDED, WANTED
from glados_slack.connection.installs import error_code, web_client
from glados_slack.connection.sockets import Sockets
from glados_slack.settings import SlackSettings

TIMEOUT_S = 10.0
REINSTALL = (
    "add them in the app's settings under OAuth & Permissions (or paste the manifest again), and reinstall the app"
)
SEE = "docs/slack.md says how to get it"


def examine() -> Iterator[Check]:
    try:
        settings = load(SlackSettings)
    except ConfigError as error:
        yield Check("slack", "fail", str(error), "correct the variable; docs/settings.md lists all settings")
        return
    if not settings.is_configured:
        yield _incomplete(settings)
        return
    yield from asyncio.run(_ask(settings))


def _incomplete(settings: SlackSettings) -> Check:
    missing = "GLADOS_SLACK_APP_TOKEN" if settings.mode == "socket" else "GLADOS_SLACK_SIGNING_SECRET"
    if settings.bot_token or settings.client_id:
        return Check("slack", "fail", f"{missing} is not set; the app will not run", SEE)
    if settings.app_token or settings.signing_secret:
        return Check("slack", "fail", "GLADOS_SLACK_BOT_TOKEN is not set; the app will not run", SEE)
    return Check("slack", "ok", "GLADOS_SLACK_BOT_TOKEN is not set; the app will not run")


async def _ask(settings: SlackSettings) -> list[Check]:
    found: list[Check] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
        if settings.bot_token:
            token = settings.bot_token.get_secret_value()
            found += await _bot_token(web_client(token, str(settings.api_base), session))
        else:
            found.append(
                Check("slack installation", "ok", f"workspaces install the app at {settings.public_url}slack/install")
            )
        if settings.mode == "socket" and settings.app_token:
            client = web_client(None, str(settings.api_base), session)
            found.append(await _app_token(client, settings.app_token.get_secret_value()))
    return found


async def _bot_token(client: AsyncWebClient) -> list[Check]:
    try:
        told = await client.auth_test()
    except SlackApiError as error:
        return [Check("slack bot token", "fail", f"Slack refuses it: {error_code(error)}", SEE)]
    except (aiohttp.ClientError, TimeoutError) as error:
        return [_unreachable(error)]
    works = Check("slack bot token", "ok", f"works; the bot's name is {told.get('user')} in {told.get('team')}")
    scopes = {scope.strip() for scope in str(told.headers.get("x-oauth-scopes", "")).split(",")}
    return [works, *_scopes(scopes)]


def _scopes(granted: set[str]) -> list[Check]:
    """One finding for what nothing works without, one for each thing that does not work."""
    missing = sorted(NEEDED - granted)
    if missing:
        return [Check("slack scopes", "fail", f"missing: {', '.join(missing)}; nothing works without them", REINSTALL)]
    lacking = [
        Check("slack scopes", "warn", f"{name} is missing, which is for {use}", REINSTALL)
        for name, use in WANTED.items()
        if name not in granted
    ]
    return lacking or [Check("slack scopes", "ok", "all granted")]


async def _app_token(client: AsyncWebClient, token: str) -> Check:
    try:
        await Sockets.check_token(client, token)
    except ConfigError as error:
        return Check("slack app token", "fail", str(error), SEE)
    except SlackApiError as error:
        return Check(
            "slack app token", "warn", f"Slack gives no address for Socket Mode: {error_code(error)}", "try again later"
        )
    except (aiohttp.ClientError, TimeoutError) as error:
        return _unreachable(error)
    return Check("slack app token", "ok", "works; Socket Mode is on")


def _unreachable(error: Exception) -> Check:
    return Check("slack", "fail", f"Slack is not reachable ({type(error).__name__})", "check the network and the proxy")
