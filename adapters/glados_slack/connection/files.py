"""Fetches files that people share: bounded, and with our token shown to Slack's own hosts only."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from glados_bots.attachments.downloads import MB, Download, DownloadError, download
from glados_bots.conversation import Attachment
from glados_bots.surface import UnreadableError
from glados_bots.wording.sentence import Sentence, say
from glados_slack.connection.attachments import EXTERNAL, URL, attachment_of
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls, RefusedError

log = logging.getLogger(__name__)

INFO = "files.info"
FILES = "/files-"  # the beginning of the path of every private file
CANVAS = "application/vnd.slack-docs"  # Slack hands canvases out as pages, whose length it does not announce
NO_RIGHT = frozenset({"missing_scope", "not_allowed_token_type", "access_denied", "no_permission"})


class _RefusedAddressError(Exception):
    """An address does not lead to the file, or not any more. `why` is for people, if no other address does."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


class FileFetcher:
    """Fetches files for the workers. Without Slack's answer, methods raise PlatformAwayError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def fetch(self, place: Mapping[str, str], file: Attachment, most: int) -> bytes:
        """All bytes of a file.

        Raises:
            UnreadableError: it is gone, elsewhere, refused, or longer than `most` bytes.
            PlaceGoneError: the workspace has removed the app.
        """
        known = file if file.source.get(URL) or EXTERNAL in file.source else await self._told(place, file)
        try:
            return await self._content(place, known, most)
        except _RefusedAddressError as error:
            now = await self._told(place, file)
            if now.source.get(URL) in {"", None, known.source.get(URL)}:
                raise UnreadableError(error.why) from None
        try:
            return await self._content(place, now, most)
        except _RefusedAddressError as error:
            raise UnreadableError(error.why) from None

    async def _told(self, place: Mapping[str, str], file: Attachment) -> Attachment:
        """The file as Slack tells of it now: in Slack Connect channels, messages tell some files by their id only."""
        await self._calls.wait(budget(place["team"], INFO), file.id)
        try:
            answer: Any = await self._calls(place, INFO, file=file.id)
        except RefusedError as error:
            log.info("file %s: %s", file.id, error)
            raise UnreadableError(say("file-no-right" if error.code in NO_RIGHT else "file-gone")) from error
        found = attachment_of(answer["file"])
        if found is None:
            raise UnreadableError(say("file-gone"))
        return found

    async def _content(self, place: Mapping[str, str], file: Attachment, most: int) -> bytes:
        if EXTERNAL in file.source:
            raise UnreadableError(say("file-not-slack"))
        token = (await self._calls.install(place)).token
        if file.size > most:
            raise UnreadableError(say("file-too-large", most=most // MB))
        found = await self._downloaded(file.source.get(URL, ""), token, most)
        if _is_sign_in(found, file):
            raise _RefusedAddressError(say("file-no-right"))
        return found.content

    async def _downloaded(self, url: str, token: str, most: int) -> Download:
        try:
            return await download(url, most, is_ours=self._calls.is_slack, headers={"Authorization": f"Bearer {token}"})
        except DownloadError as error:
            if error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                raise _RefusedAddressError(say("file-gone")) from error
            if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                raise _RefusedAddressError(say("file-no-right")) from error
            raise


def _is_sign_in(found: Download, file: Attachment) -> bool:
    """Whether it is the page to sign in, which Slack sends with status 200 to those who may not read the file."""
    if found.kind != "text/html" or file.kind == CANVAS:
        return found.kind == "text/html" and FILES not in urlsplit(found.url).path
    return file.kind != "text/html" or bool(file.size and len(found.content) != file.size)
