"""The real slack_bolt and slack_sdk against a fake: an app that remembers what it was told, and its connection."""

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from .server import ConnectSettings, FakeSlack
from .world.models import JsonObject

# Read by slack_bolt and slack_sdk behind the caller's back.
_AMBIENT = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_PING_S = 0.2
_ANY_EVENT = re.compile(".*")


@contextmanager
def connected(settings: ConnectSettings) -> Iterator[AsyncWebClient]:
    """A client for the bot token, with no proxy and no SLACK_* variable in the environment while this lasts."""
    before = {name: os.environ.pop(name) for name in list(os.environ) if name in _AMBIENT or name.startswith("SLACK_")}
    try:
        yield AsyncWebClient(token=settings.bot_token, base_url=settings.api_base)
    finally:
        os.environ.update(before)


class RecordingApp(AsyncApp):
    """An app that does nothing by itself, acknowledges every event, and remembers every body.

    Attributes:
        bodies: Every body that came in, in order.
    """

    def __init__(self, settings: ConnectSettings, **options: Any) -> None:
        with connected(settings) as client:
            options.setdefault("client", client)
            super().__init__(signing_secret=settings.signing_secret, **options)
        self.bodies: list[JsonObject] = []
        self.middleware(self._remember)

    def listen(self) -> None:
        """Acknowledge whatever no other listener took."""
        self.event(_ANY_EVENT)(_nothing)

    async def _remember(self, body: JsonObject, next: Callable[[], Awaitable[Any]]) -> None:  # noqa: A002 - bolt's name
        self.bodies.append(body)
        await next()

    def seen(self, name: str) -> list[JsonObject]:
        """Inner events of one type, or bodies of one interaction type or command."""
        events = [body["event"] for body in self.bodies if body.get("event", {}).get("type") == name]
        return events or [body for body in self.bodies if name in {body.get("type"), body.get("command")}]

    @property
    def texts(self) -> list[str]:
        """Texts of all messages it was told of."""
        return [event["text"] for event in self.seen("message") if "subtype" not in event]


async def _nothing() -> None:
    """The event was remembered."""


@asynccontextmanager
async def running(fake: FakeSlack, app: AsyncApp | None = None, *, sockets: int = 1) -> AsyncIterator[Any]:
    """An app with its Socket Mode connections open, and closed afterwards.

    Args:
        fake: The fake.
        app: The app; one that only remembers if it is left out.
        sockets: How many connections.
    """
    if app is None:
        app = RecordingApp(fake.settings)
        app.listen()
    before = len(fake.sockets.connections)
    with connected(fake.settings):
        handlers = [AsyncSocketModeHandler(app, fake.settings.app_token, ping_interval=_PING_S) for _ in range(sockets)]
    try:
        for handler in handlers:
            await handler.connect_async()  # type: ignore[no-untyped-call]
        await fake.wait_for(lambda: len(fake.sockets.connections) == before + sockets, what="for the app to connect")
        yield app
    finally:
        for handler in handlers:
            await handler.close_async()  # type: ignore[no-untyped-call]
