"""HTTP: Slack's signed requests in HTTP mode, and the pages on which workspaces install the app.

slack_bolt checks signatures too, but only after it has read the body as JSON, and it trips over a timestamp that is
no number. So a guard stands before it: a request that is too large (aiohttp takes 1 MiB), old, forged or no JSON causes
no work at all.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware
from slack_bolt.async_app import AsyncApp
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.signature import SignatureVerifier

from glados_bots.errors import ConfigError
from glados_bots.store import Store
from glados_slack.app_config import SCOPES
from glados_slack.installation_store import Installations, States
from glados_slack.installs import web_client
from glados_slack.metrics import EVENTS_LEFT_OUT, REFUSED_REQUESTS
from glados_slack.settings import SlackSettings

log = logging.getLogger(__name__)

PATH = "/slack/events"
INSTALL_PATH, RETURN_PATH = "/slack/install", "/slack/oauth_redirect"
UNAUTHORIZED, BAD, TOO_LARGE = 401, 400, 413

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard(signing_secret: str) -> Middleware:
    """An aiohttp middleware that lets Slack's own requests through."""
    verifier = SignatureVerifier(signing_secret)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != PATH:
            return await handler(request)
        problem = await _problem(request, verifier)
        if problem:
            status, reason = problem
            REFUSED_REQUESTS.labels(reason).inc()
            log.warning("a request to %s was refused: %s", PATH, reason)
            return web.Response(status=status)
        if request.content_type == "application/json" and await _is_about_limits(request):
            return web.Response()
        return await handler(request)

    return check


async def _problem(request: web.Request, verifier: SignatureVerifier) -> tuple[int, str] | None:
    """Status and reason, where a request is not Slack's or not well-formed."""
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()):
        return UNAUTHORIZED, "timestamp"
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return TOO_LARGE, "too large"
    if not verifier.is_valid(body, timestamp, request.headers.get("X-Slack-Signature", "")):
        return UNAUTHORIZED, "signature"
    return (BAD, "no JSON") if request.content_type == "application/json" and not _is_object(body) else None


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


async def _is_about_limits(request: web.Request) -> bool:
    """Slack tells that it leaves out events; slack_bolt does not know this kind of message."""
    found = json.loads(await request.read())
    if found.get("type") != "app_rate_limited":
        return False
    log.error("Slack leaves out events of the workspace %s: there are too many", found.get("team_id"))
    EVENTS_LEFT_OUT.inc()
    return True


def oauth(settings: SlackSettings, store: Store, installations: Installations) -> AsyncOAuthFlow:
    """The pages on which a workspace installs the app."""
    base = str(settings.api_base).rstrip("/").removesuffix("/api")
    secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
    pages = AsyncOAuthSettings(
        client_id=settings.client_id,
        client_secret=secret,
        scopes=sorted(SCOPES),
        user_scopes=[],
        redirect_uri=str(settings.public_url).rstrip("/") + RETURN_PATH,
        install_path=INSTALL_PATH,
        redirect_uri_path=RETURN_PATH,
        authorization_url=f"{base}/oauth/v2/authorize",
        installation_store=installations,
        state_store=States(store),
        logger=log,
    )
    return AsyncOAuthFlow(client=web_client(None, str(settings.api_base), None), logger=log, settings=pages)


async def serve(app: AsyncApp, settings: SlackSettings) -> None:
    """Serve until cancelled. Raises ConfigError when the port is taken."""
    server = app.server(settings.http_port, PATH, settings.http_host).web_app
    secret = settings.signing_secret.get_secret_value() if settings.signing_secret else ""
    server.middlewares.append(guard(secret) if settings.mode == "http" else _only_pages)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.http_host, settings.http_port).start()
        except OSError as error:
            raise ConfigError(
                f"GLADOS_SLACK_HTTP_PORT={settings.http_port}: cannot listen on {settings.http_host} "
                f"({error.strerror}); set GLADOS_SLACK_HTTP_PORT to a free port"
            ) from error
        log.info("listening on %s:%d", settings.http_host, settings.http_port)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


@web.middleware
async def _only_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """In Socket Mode no event may come by HTTP."""
    if request.path == PATH:
        raise web.HTTPNotFound
    return await handler(request)
