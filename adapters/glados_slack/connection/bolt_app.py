"""The slack_bolt app: who an event is for, what becomes of errors, and of what nobody wants.

A handler runs before Slack is told that we have the event (`process_before_response`): a question that cannot be saved
is answered with 503, or not acknowledged, so that Slack sends it again.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from glados_bots.errors import StoreUnavailableError
from glados_slack.connection.installs import Installs
from glados_slack.metrics import UNHANDLED

log = logging.getLogger(__name__)

ANYTHING = re.compile(".*", re.DOTALL)
Json = dict[str, Any]


class Authorize(AsyncAuthorize):
    """Finds the installation an event is for, without asking Slack each time."""

    def __init__(self, installs: Installs) -> None:
        self._installs = installs

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        **_: Any,
    ) -> AuthorizeResult | None:
        """None for workspaces without the app."""
        del user_id
        install = await self._installs.find(enterprise_id or "", team_id or "")
        if install is None:
            return None
        context["install"] = install
        return AuthorizeResult(
            enterprise_id=install.enterprise or None,
            team_id=install.team or team_id,
            bot_user_id=install.bot_user,
            bot_id=install.bot_id or None,
            bot_token=install.token,
        )


def create_app(installs: Installs, client: AsyncWebClient, signing_secret: str, **options: Any) -> AsyncApp:
    """An app that answers nothing yet; `options` are bolt's."""
    app = AsyncApp(
        name="glados",
        client=client,
        authorize=Authorize(installs),  # type: ignore[arg-type]  # bolt takes such objects, but does not say so
        signing_secret=signing_secret,
        process_before_response=True,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
        **options,
    )
    app.error(_on_error)
    return app


async def _on_error(error: Exception, body: Json) -> BoltResponse:
    """Let Slack send again what could not be saved; whatever else goes wrong would go wrong again."""
    if isinstance(error, StoreUnavailableError):
        log.warning("%s; Slack is asked to send this again", error)
        return BoltResponse(status=503, body="")
    log.error("a %s could not be handled", body.get("type"), exc_info=error)
    return BoltResponse(status=200, body="")


def add_the_rest(app: AsyncApp) -> None:
    """Take whatever else comes, so that Slack does not repeat it. To be called last."""

    def count(kind: str) -> Callable[..., Awaitable[None]]:
        async def handle(ack: Callable[[], Awaitable[Any]]) -> None:
            UNHANDLED.labels(kind).inc()
            await ack()

        return handle

    app.event(ANYTHING)(count("event"))
    app.command(ANYTHING)(count("command"))
    app.action(ANYTHING)(count("action"))
    app.shortcut(ANYTHING)(count("shortcut"))
    app.view(ANYTHING)(count("view"))
    app.view_closed(ANYTHING)(count("view"))
    app.options(ANYTHING)(count("options"))
