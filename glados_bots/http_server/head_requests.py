"""HEAD wherever GET is served (RFC 9110, 9.3.2): FastAPI's routes serve only the methods that they name."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI middleware: passes a HEAD on as a GET and ends the response after the headers, also for a stream."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        is_told = False

        async def head_only(message: Message) -> None:
            nonlocal is_told
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})
                is_told = True

        async def until_told() -> Message:
            return {"type": "http.disconnect"} if is_told else await receive()

        await self._app({**scope, "method": "GET"}, until_told, head_only)
