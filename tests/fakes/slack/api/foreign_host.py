"""A host that is not Slack's."""

from aiohttp import web

from tests.fakes.common.server import LoopbackServer


class ForeignHost:
    """A server that is not Slack's, to which a file or a redirect may point.

    Attributes:
        url: Its address.
        authorizations: Every Authorization header it was sent: any token here was given away.
        requests: Paths it was asked for.
    """

    def __init__(self) -> None:
        self.url = ""
        self.authorizations: list[str] = []
        self.requests: list[str] = []
        self._server = LoopbackServer()

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.add_routes([web.route("*", "/{path:.*}", self._handle)])
        host = await self._server.start(app)
        # Named differently from the fake's own 127.0.0.1, as another host is.
        self.url = f"http://{host.replace('127.0.0.1', 'localhost')}"

    async def stop(self) -> None:
        """End."""
        await self._server.stop()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path)
        if "Authorization" in request.headers:
            self.authorizations.append(request.headers["Authorization"])
        return web.Response(text="not from Slack")
