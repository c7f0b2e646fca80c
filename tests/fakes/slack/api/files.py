"""Files: their private addresses, which want a token, and uploads by the app, which are two calls and a POST."""

import secrets
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes.common.faults import Faults
from tests.fakes.slack.world.apps import Tokens
from tests.fakes.slack.world.errors import ApiError
from tests.fakes.slack.world.messages import add_message, check_may_post, delete_file
from tests.fakes.slack.world.models import File, JsonObject, Message, User
from tests.fakes.slack.world.payloads import file_json, shares_json
from tests.fakes.slack.world.state import World

from .calls import Call, Method
from .faults import Fault

_SIGN_IN = "<!DOCTYPE html><html><title>Sign in | Slack</title><body>Please sign in</body></html>"
# Names under which faults of these requests are scripted, beside the methods of the Web API.
DOWNLOAD, UPLOAD = "file.download", "file.upload"
FORBIDDEN = 403


@dataclass
class _Announced:
    """A file that is no file yet."""

    file: File
    length: int
    has_content: bool = False


class Files:
    """Serves and takes files. Faults of downloads and uploads have the method `file.download` or `file.upload`.

    Attributes:
        downloads: Ids of files that were handed out.
        upload_host: Where the app is told to upload, if not here.
    """

    def __init__(self, world: World, tokens: Tokens, faults: Faults[..., Fault]) -> None:
        self.downloads: list[str] = []
        self.upload_host = ""
        self._world = world
        self._tokens = tokens
        self._faults = faults
        # Files that were announced, by the secret part of their upload address.
        self._uploads: dict[str, _Announced] = {}

    @property
    def methods(self) -> dict[str, Method]:
        """By name."""
        return {
            "files.info": Method(files_info, ("files:read",)),
            "files.delete": Method(files_delete, ("files:write",)),
            "files.getUploadURLExternal": Method(self._announce, ("files:write",)),
            "files.completeUploadExternal": Method(self._complete, ("files:write",)),
        }

    async def download(self, request: web.Request) -> web.StreamResponse:
        """GET a private address; without a token that may read files, a page to sign in comes with status 200."""
        file_id = request.match_info["owner"].rpartition("-")[2]
        file = self._world.files.get(file_id)
        if file is None or file.is_deleted or not file.url.endswith(request.path.replace("download-", "")):
            raise web.HTTPNotFound
        if fault := await self._fault(DOWNLOAD, {"file": file.id}):
            return _spoiled(request, fault)
        if not self._may_read(request, file):
            return web.Response(text=_SIGN_IN, content_type="text/html")
        if file.redirect_to:
            raise web.HTTPFound(file.redirect_to)
        self.downloads.append(file.id)
        return web.Response(body=file.content, headers={"Content-Type": file.mimetype})

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """POST the content to an upload address, raw or as a form."""
        announced = self._uploads.get(request.match_info["secret"])
        if announced is None:
            raise web.HTTPNotFound
        file, content = announced.file, await _content(request)
        fault = await self._fault(UPLOAD, {"file": file.id}, in_any_case=True)
        if fault and not fault.after_commit and (fault.drop or fault.status):
            return _spoiled(request, fault)
        if len(content) != announced.length:
            return web.Response(status=FORBIDDEN, text="wrong length")
        file.content, announced.has_content = content, True
        self._world.ledger.changed()
        if fault and (fault.drop or fault.status):
            return _spoiled(request, fault)
        return web.Response(text=f"OK - {len(file.content)}")

    @property
    def unfinished(self) -> list[str]:
        """Ids of files that were announced, and never completed."""
        return [one.file.id for one in self._uploads.values()]

    @property
    def uploaded(self) -> list[str]:
        """Ids of files whose content arrived, and which were not completed."""
        return [one.file.id for one in self._uploads.values() if one.has_content]

    async def _fault(self, name: str, args: JsonObject, *, in_any_case: bool = False) -> Fault | None:
        """The fault of a request, after its delay; of mere delays only `in_any_case`."""
        fault = self._faults.take(lambda one: one.method == name and one.hits_call(name, one.team_id, args))
        if fault is None:
            return None
        await fault.wait(self._world.clock)
        return fault if in_any_case or fault.drop or fault.status else None

    def _may_read(self, request: web.Request, file: File) -> bool:
        header = request.headers.get("Authorization", "")
        try:
            token = self._tokens.check(header.removeprefix("Bearer "), "bot")
        except ApiError:
            return False
        installation = token.installation
        if installation is None or "files:read" not in installation.scopes:
            return False
        return self._sees(installation.bot, file)

    def _sees(self, bot: User, file: File) -> bool:
        """Whether a bot is in a place where a message, or one that it shows, has the file."""
        mine = [channel for channel in self._world.channels.values() if bot.id in channel.members]
        messages = [message for channel in mine for message in channel.messages.values()]
        shown = [one for message in messages for each in message.attachments for one in each.get("files", [])]
        return any(file in message.files for message in messages) or file.id in {one["id"] for one in shown}

    def _announce(self, call: Call) -> JsonObject:
        secret = secrets.token_urlsafe(16)
        file_id, name, length = call.world.clock.id("F"), call.need("filename"), call.number("length", 0)
        if length <= 0:
            raise ApiError("invalid_arguments", messages=["length must be more than 0"])
        url = f"{call.world.base_url}/files-pri/{call.bot.team.id}-{file_id}/{name}"
        file = File(file_id, name, "application/octet-stream", b"", call.bot, url)
        self._uploads[secret] = _Announced(file, length)
        return {"upload_url": f"{self.upload_host or call.world.base_url}/upload/{secret}", "file_id": file_id}

    def _complete(self, call: Call) -> JsonObject:
        announced = {one.file.id: secret for secret, one in self._uploads.items() if one.has_content}
        wanted = [one["id"] for one in call.args.get("files") or []]
        if not wanted or not set(wanted) <= set(announced):
            raise ApiError("file_not_found")
        target, thread_ts = call.args.get("channel_id") or call.args.get("channels"), call.args.get("thread_ts")
        channel = call.world.channel(str(target), call.bot) if target else None
        if channel:
            check_may_post(channel, call.bot, thread_ts)
        found = [self._uploads.pop(announced[one]).file for one in wanted]
        call.world.files |= {file.id: file for file in found}
        if channel:
            message = Message(call.world.clock.timestamp(), channel, call.bot, thread_ts=thread_ts, files=found)
            message.text, message.subtype = str(call.args.get("initial_comment") or ""), "file_share"
            add_message(call.world, message)
        return {"files": [file_json(file) for file in found]}


def files_info(call: Call) -> JsonObject:
    """files.info."""
    file = call.world.files.get(call.need("file"))
    if file is None:
        raise ApiError("file_not_found")
    if file.is_deleted:
        raise ApiError("file_deleted")
    file.looks += 1
    is_late = file.looks <= call.world.telling.late_shares
    return {"file": file_json(file) | {"shares": {} if is_late else shares_json(file, call.world)}}


def files_delete(call: Call) -> JsonObject:
    """files.delete. A file that is not completed is none yet."""
    file = call.world.files.get(call.need("file"))
    if file is None:
        raise ApiError("file_not_found")
    if file.is_deleted:
        raise ApiError("file_deleted")
    if file.owner is not call.bot:
        raise ApiError("cant_delete_file")
    delete_file(call.world, file)
    return {}


async def _content(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    parts: list[Any] = [part for part in (await request.post()).values() if isinstance(part, web.FileField)]
    return bytes(parts[0].file.read())


def _spoiled(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.drop and request.transport is not None:
        request.transport.abort()
    headers = {"Retry-After": str(fault.retry_after_s)} if fault.status == web.HTTPTooManyRequests.status_code else {}
    return web.Response(status=fault.status or 500, headers=headers)
