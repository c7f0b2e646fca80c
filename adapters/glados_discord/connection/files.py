"""Downloads the files of messages, from Discord's own hosts only."""

from http import HTTPStatus
from urllib.parse import urlsplit

import discord

from glados_bots.attachments.downloads import DownloadError, download
from glados_bots.conversation import Attachment
from glados_bots.settings import words
from glados_bots.surface import MessageGoneError, PlaceGoneError, UnreadableError
from glados_bots.wording.sentence import say
from glados_discord.connection import attachments
from glados_discord.connection.attachments import CHANNEL, MESSAGE, URL
from glados_discord.connection.current_client import CurrentClient
from glados_discord.connection.rates import Rates
from glados_discord.connection.refusals import as_core_errors

# What the hosts answer when a signed address has expired, or the file was deleted.
EXPIRED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class DiscordFiles:
    """`hosts` are the names of Discord's hosts for files, separated by spaces or commas."""

    def __init__(self, current: CurrentClient, rates: Rates, hosts: str) -> None:
        self._current = current
        self._rates = rates
        self._hosts = words(hosts)

    async def fetch(self, attachment: Attachment, most: int) -> bytes:
        """Download a file of at most `most` bytes. If its address has expired, its message tells a new one.

        Raises UnreadableError, PlatformAwayError.
        """
        try:
            return await self._download(attachment.source.get(URL, ""), most)
        except DownloadError as error:
            if error.status not in EXPIRED:
                raise
        return await self._download(await self._fresh_address(attachment), most)

    async def _download(self, url: str, most: int) -> bytes:
        return (await download(url, most, is_ours=self._is_discords)).content

    def _is_discords(self, url: str) -> bool:
        return urlsplit(url).hostname in self._hosts

    async def _fresh_address(self, attachment: Attachment) -> str:
        """The address that Discord tells now. Raises UnreadableError if the file or its message is gone."""
        channel, message = attachment.source.get(CHANNEL), attachment.source.get(MESSAGE)
        if not channel or not message:
            raise UnreadableError(say("file-gone"))
        await self._rates.enter(f"file {attachment.id}")
        try:
            with as_core_errors():
                found = await (await self._current.channel(channel)).fetch_message(int(message))
        except (MessageGoneError, PlaceGoneError, discord.HTTPException) as error:
            raise UnreadableError(say("file-gone")) from error
        url = next((file.source[URL] for file in attachments.of(found) if file.id == attachment.id), "")
        if not url:
            raise UnreadableError(say("file-gone"))
        return url
