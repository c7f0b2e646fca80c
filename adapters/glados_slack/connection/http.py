"""HTTP: Slack's signed requests in HTTP mode, and the pages on which workspaces install the app.

slack_bolt checks signatures too, but only after it has read the body as JSON, and it trips over timestamps, signatures
and bodies that are none. So a guard stands before it: a request that is too large (aiohttp takes 1 MiB), old, forged or
no JSON causes no work at all. Nor does a command or an interaction that is sent again, as Slack never does; whoever may
have overheard it must not ask in another's name. Events are recognised by their ids: those Slack does send again.

glados:{slack}:heard:SHA256   str   the command or interaction with this body was taken
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware
from slack_bolt.async_app import AsyncApp
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.signature import SignatureVerifier

from glados_bots.errors import ConfigError, StoreUnavailableError
from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_slack.app_config import SCOPES
from glados_slack.connection.installation_store import Installations, States
from glados_slack.connection.installs import web_client
from glados_slack.metrics import EVENTS_LEFT_OUT, REFUSED_REQUESTS
from glados_slack.settings import SlackSettings

log = logging.getLogger(__name__)

PATH = "/slack/events"
INSTALL_PATH, RETURN_PATH = "/slack/install", "/slack/oauth_redirect"
UNAUTHORIZED, BAD, TOO_LARGE, LATER = 401, 400, 413, 503
HEARD_S = 660  # Slack's timestamps may be five minutes off either way (slack_sdk's SignatureVerifier)
SERVER_FAULT = 500  # HTTP statuses from here on

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard(signing_secret: str, store: Store) -> Middleware:
    """An aiohttp middleware that lets Slack's own requests through, and commands and interactions once."""
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
        if request.content_type != "application/json":
            return await _once(store, request, handler)
        return web.Response() if await _is_about_limits(request) else await handler(request)

    return check


async def _once(store: Store, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle a request that nobody has handled; what fails may come again."""
    key = f"{store.prefix}heard:{hashlib.sha256(await request.read()).hexdigest()}"
    try:
        if not await reply_of(store.client.set(key, 1, nx=True, ex=HEARD_S)):
            REFUSED_REQUESTS.labels("sent again").inc()
            log.warning("a request to %s was sent again, and is passed over", PATH)
            return web.Response()
        response = await handler(request)
        if response.status >= SERVER_FAULT:
            await reply_of(store.client.delete(key))
    except StoreUnavailableError as error:
        log.warning("%s; a command or interaction is lost", error)
        return web.Response(status=LATER)
    return response


async def _problem(request: web.Request, verifier: SignatureVerifier) -> tuple[int, str] | None:
    """Status and reason, where a request is not Slack's or not well-formed."""
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()):
        return UNAUTHORIZED, "timestamp"
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return TOO_LARGE, "too large"
    except web.RequestPayloadError:  # its Content-Encoding is another one
        return BAD, "unreadable"
    if not _is_signed(verifier, body, timestamp, request.headers.get("X-Slack-Signature", "")):
        return UNAUTHORIZED, "signature"
    return (BAD, "no JSON") if request.content_type == "application/json" and not _is_object(body) else None


def _is_signed(verifier: SignatureVerifier, body: bytes, timestamp: str, signature: str) -> bool:
    try:
        return verifier.is_valid(body, timestamp, signature)
    except (TypeError, ValueError):  # thousands of digits, a signature that is not ASCII, a body that is not UTF-8
        return False


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


async def serve(app: AsyncApp, settings: SlackSettings, store: Store) -> None:
    """Serve until cancelled. Raises ConfigError when the port is taken."""
    server = app.server(settings.http_port, PATH, settings.http_host).web_app
    secret = settings.signing_secret.get_secret_value() if settings.signing_secret else ""
    server.middlewares.append(guard(secret, store) if settings.mode == "http" else _only_pages)
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
