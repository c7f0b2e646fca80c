"""An HTTP server on loopback."""

from aiohttp import web

LARGEST_REQUEST = 25 * 1024 * 1024  # bytes of a body, for `client_max_size`


class LoopbackServer:
    """Serves an aiohttp application while it is needed."""

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None

    async def start(self, app: web.Application, port: int = 0) -> str:
        """Listen on any free port, unless one is named; its host and port, such as `127.0.0.1:5960`.

        Raises:
            OSError: Somebody else listens there.
        """
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return f"127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """End, if it was started."""
        if self._runner is not None:
            await self._runner.cleanup()
