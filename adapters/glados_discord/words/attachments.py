"""Text files of a message become part of its question; everything else is named, to the model and to the person.

Files are read from Discord's own hosts only, at once (their signed addresses expire), and never beyond the caps.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import discord
import httpx

from glados_bots.intake.downloads import DownloadError, fetch
from glados_bots.intake.text_files import NOT_TEXT, Files, TextFile, decoded, may_be_text, safe_name
from glados_discord.settings import DiscordSettings, words

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0


def of(message: discord.Message) -> list[discord.Attachment]:
    """What was attached to a message, and to those that it forwards."""
    return [*message.attachments, *(file for one in message.message_snapshots for file in one.attachments)]


def candidates(files: Iterable[discord.Attachment]) -> list[discord.Attachment]:
    return [file for file in files if may_be_text(file.content_type or "", file.filename)]


async def read(files: Sequence[discord.Attachment], settings: DiscordSettings) -> Files:
    """Read the text files among these, the first ones where there are too many."""
    texts = candidates(files)
    unread = [(safe_name(file.filename), NOT_TEXT) for file in files if file not in texts]
    unread += [(safe_name(file.filename), "too many files") for file in texts[settings.attachments :]]
    texts, read = texts[: settings.attachments], []
    found = await asyncio.gather(*(_read(file, settings) for file in texts))
    for file, one in zip(texts, found, strict=True):
        if isinstance(one, TextFile):
            read.append(one)
        else:
            unread.append((safe_name(file.filename), one))
    return Files(tuple(read), tuple(unread))


async def _read(file: discord.Attachment, settings: DiscordSettings) -> TextFile | str:
    """The file, or why it was not read."""
    hosts = words(settings.cdn_hosts)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            found = await fetch(
                file.url, settings.attachment_kb * 1024, is_ours=lambda url: urlsplit(url).hostname in hosts
            )
    except DownloadError as error:
        return str(error)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as error:
        log.warning("attachment %d could not be fetched: %s", file.id, type(error).__name__)
        return "Discord did not hand it out in time"
    text = await asyncio.to_thread(decoded, found.content, is_whole=found.is_whole)
    return NOT_TEXT if text is None else TextFile(safe_name(file.filename), text, found.is_whole)
