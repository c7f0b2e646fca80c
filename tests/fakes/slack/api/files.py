"""Files: their private addresses, which want a token, uploads by the app, and a host that is not Slack's."""

import secrets
from typing import Any

from aiohttp import web

from tests.fakes.common.server import LoopbackServer
from tests.fakes.slack.world.apps import Tokens
from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.messages import add_message, check_may_post
from tests.fakes.slack.world.models import File, JsonObject, Message
from tests.fakes.slack.world.payloads import file_json
from tests.fakes.slack.world.state import World

from .calls import Call, Method

_SIGN_IN = "<!DOCTYPE html><html><title>Sign in | Slack</title><body>Please sign in</body></html>"


class Files:
    """Serves and takes files.

    Attributes:
        downloads: Ids of files that were handed out.
    """

    def __init__(self, world: World, tokens: Tokens) -> None:
        self.downloads: list[str] = []
        self._world = world
        self._tokens = tokens
        # Files that were announced, by the secret part of their upload address.
        self._uploads: dict[str, File] = {}

    @property
    def methods(self) -> dict[str, Method]:
        """By name."""
        return {
            "files.info": Method(files_info, ("files:read",)),
            "files.getUploadURLExternal": Method(self._announce, ("files:write",)),
            "files.completeUploadExternal": Method(self._complete, ("files:write",)),
        }

    async def download(self, request: web.Request) -> web.StreamResponse:
        """GET a private address; without a token that may read files, a page to sign in comes with status 200."""
        file_id = request.match_info["owner"].rpartition("-")[2]
        file = self._world.files.get(file_id)
        if file is None:
            raise web.HTTPNotFound
        if not self._may_read(request, file):
            return web.Response(text=_SIGN_IN, content_type="text/html")
        if file.redirect_to:
            raise web.HTTPFound(file.redirect_to)
        self.downloads.append(file.id)
        return web.Response(body=file.content, headers={"Content-Type": file.mimetype})

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """POST the content to an upload address, raw or as a form."""
        file = self._uploads.get(request.match_info["secret"])
        if file is None:
            raise web.HTTPNotFound
        if request.content_type.startswith("multipart/"):
            parts: list[Any] = [part for part in (await request.post()).values() if isinstance(part, web.FileField)]
            file.content = parts[0].file.read()
        else:
            file.content = await request.read()
        return web.Response(text=f"OK - {len(file.content)}")

    def _may_read(self, request: web.Request, file: File) -> bool:
        header = request.headers.get("Authorization", "")
        try:
            token = self._tokens.check(header.removeprefix("Bearer "), "bot")
        except ApiError:
            return False
        installation = token.installation
        if installation is None or "files:read" not in installation.scopes:
            return False
        shared = [channel for channel in self._world.channels.values() if installation.bot.id in channel.members]
        return any(file in message.files for channel in shared for message in channel.messages.values())

    def _announce(self, call: Call) -> JsonObject:
        secret = secrets.token_urlsafe(16)
        file_id, name = call.world.clock.id("F"), call.need("filename")
        url = f"{call.world.base_url}/files-pri/{call.bot.team.id}-{file_id}/{name}"
        self._uploads[secret] = File(file_id, name, "application/octet-stream", b"", call.bot, url)
        return {"upload_url": f"{call.world.base_url}/upload/{secret}", "file_id": file_id}

    def _complete(self, call: Call) -> JsonObject:
        announced = {file.id: (secret, file) for secret, file in self._uploads.items()}
        wanted = [one["id"] for one in call.args.get("files") or []]
        if not wanted or not set(wanted) <= set(announced):
            raise ApiError("file_not_found")
        found = [announced[one][1] for one in wanted]
        for one in wanted:
            del self._uploads[announced[one][0]]
        call.world.files |= {file.id: file for file in found}
        target = call.args.get("channel_id") or call.args.get("channels")
        if target:
            channel = call.world.channel(str(target), call.bot)
            thread_ts = call.args.get("thread_ts")
            check_may_post(channel, call.bot, thread_ts)
            message = Message(call.world.clock.timestamp(), channel, call.bot, thread_ts=thread_ts, files=found)
            message.text, message.subtype = str(call.args.get("initial_comment") or ""), "file_share"
            add_message(call.world, message)
        return {"files": [file_json(file) for file in found]}


def files_info(call: Call) -> JsonObject:
    """files.info."""
    file = call.world.files.get(call.need("file"))
    if file is None:
        raise ApiError("file_not_found")
    return {"file": file_json(file)}


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
