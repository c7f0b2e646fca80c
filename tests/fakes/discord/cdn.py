"""The hosts of files: signed addresses, which expire, and bodies that do what a test wants."""

from aiohttp import web

from tests.fakes.common.faults import Faults

from .rest.faults import Fault
from .world.state import World


class Cdn:
    """Serves the files of the world.

    Attributes:
        faults: What goes wrong; their paths begin with "/attachments/".
        bodies: What is sent in place of a file, by the file's id.
        served: Ids of the files that were asked for, also in vain.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = world.clock
        self.faults = Faults(Fault)
        self.bodies: dict[int, bytes] = {}
        self.served: list[int] = []

    def routes(self) -> list[web.RouteDef]:
        """Paths and their handlers."""
        return [web.get("/attachments/{channel_id}/{attachment_id:\\d+}/{name}", self.download)]

    async def download(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["attachment_id"])
        self.served.append(number)
        fault = self.faults.take(lambda one: one.hits_call(request.method, request.path))
        if fault is not None:
            await fault.wait(self._clock)
            if fault.drop and request.transport is not None:
                request.transport.abort()
            if fault.status or fault.drop:
                return web.Response(text="scripted fault", status=fault.status or 500)
        attachment = self._world.attachments.get(number)
        query = request.query
        is_signed = attachment is not None and f"{attachment.id:064x}" == query.get("hm")
        if attachment is None or not is_signed or self._clock.now() > int(query.get("ex", "0"), 16):
            raise web.HTTPNotFound(text="This content is no longer available.")
        body = self.bodies.get(number, attachment.content)
        return web.Response(body=body, content_type=attachment.content_type.split(";")[0] or "application/octet-stream")
