"""Uploads as Slack wants them: ask for an address, send the bytes there, and share the file in a thread.

A file has an id from the first step on, and stands in a thread after the last one (docs.slack.dev, "Working with
files").
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glados_bots.surface import OutFile, PlaceGoneError, PlatformAwayError
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls, RefusedError

log = logging.getLogger(__name__)

ANNOUNCE, COMPLETE = "files.getUploadURLExternal", "files.completeUploadExternal"
INFO, DELETE = "files.info", "files.delete"
DELETED, UNKNOWN = "file_deleted", "file_not_found"  # Slack's refusals: gone for good; gone, or not completed
Place = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Announced:
    """A file that Slack waits for."""

    file: str  # its id
    url: str  # takes the bytes, from anybody who knows it


@dataclass(frozen=True, slots=True)
class Share:
    """A message that shows a file."""

    channel: str
    ts: str
    thread: str  # the timestamp of its thread; its own outside of one


class Uploads:
    """Each call waits for its budget. Methods raise what `Calls` raises."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def announce(self, place: Place, name: str, size: int) -> Announced:
        """Ask where `size` bytes may go. Raises RefusedError also if that is not at Slack."""
        told = await self._call(place, ANNOUNCE, filename=name, length=size)
        found = Announced(str(told["file_id"]), str(told["upload_url"]))
        if not self._calls.is_slack(found.url):
            raise RefusedError(ANNOUNCE, "upload_url_elsewhere")
        return found

    async def send(self, announced: Announced, content: bytes) -> None:
        await self._calls.upload(announced.url, content)

    async def complete(
        self, place: Place, announced: Announced, name: str, *, channel: str, thread: str = "", comment: str = ""
    ) -> None:
        """Share the file."""
        await self._call(
            place, COMPLETE, files=[{"id": announced.file, "title": name}], channel_id=channel,
            thread_ts=thread or None, initial_comment=comment or None,
        )  # fmt: skip

    async def share(self, place: Place, channel: str, file: OutFile, comment: str) -> bool:
        """Share a file that nobody takes back; False if the app may not, or it went wrong. A repeat shares it twice."""
        try:
            announced = await self.announce(place, file.name, len(file.content))
            await self.send(announced, file.content)
            await self.complete(place, announced, file.name, channel=channel, comment=comment)
        except (RefusedError, PlatformAwayError, PlaceGoneError) as error:
            log.warning("a file could not be sent: %s", error)
            return False
        return True

    async def shares(self, place: Place, file: str) -> list[Share] | None:
        """Where a file stands; None if it is gone or was never completed. Right after its upload it may be nowhere."""
        try:
            told = (await self._call(place, INFO, file=file))["file"]
        except RefusedError as error:
            if error.code in {DELETED, UNKNOWN}:
                return None
            raise
        return [
            Share(channel, str(one["ts"]), str(one.get("thread_ts") or one["ts"]))
            for kind in (told.get("shares") or {}).values()
            for channel, found in kind.items()
            for one in found
        ]

    async def erase(self, place: Place, file: str) -> bool:
        """Delete a file, and our messages that show it. False if Slack knows no such file, or does not know it yet."""
        for share in await self._shares_if_told(place, file):
            await self._calls.wait(budget(place["team"], "chat.delete"), file)
            await self._calls.quietly(place, "chat.delete", channel=share.channel, ts=share.ts)
        try:
            await self._call(place, DELETE, file=file)
        except RefusedError as error:
            if error.code not in {DELETED, UNKNOWN}:
                log.warning("file %s cannot be deleted: %s", file, error)
            return error.code != UNKNOWN
        return True

    async def _shares_if_told(self, place: Place, file: str) -> list[Share]:
        try:
            return await self.shares(place, file) or []
        except RefusedError as error:
            log.info("file %s: %s", file, error)
            return []

    async def _call(self, place: Place, method: str, **args: Any) -> Any:
        await self._calls.wait(budget(place["team"], method), str(place.get("channel") or method))
        return await self._calls(place, method, **args)
