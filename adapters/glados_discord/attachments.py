"""Text files of a message become part of its question; everything else is left out, and the person is told.

Files are read from Discord's own hosts only, at once (their signed addresses expire), and never beyond the caps.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import discord

from glados_bots.text_files import decoded, is_text, quoted, safe_name
from glados_discord.settings import DiscordSettings, words

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Files:
    """What was read, as markdown to go below the question, and a sentence about the rest (empty for none)."""

    text: str = ""
    left_out: str = ""


async def read(files: Sequence[discord.Attachment], settings: DiscordSettings) -> Files:
    """Read the text files among these."""
    texts: list[str] = []
    reasons: list[str] = []
    for index, file in enumerate(files):
        name = safe_name(file.filename)
        reason = _refused(file, settings) if index < settings.attachments else "too many files"
        text = None if reason else await _download(file, settings)
        if text is None:
            reasons.append(f"{name} ({reason or 'not readable as text'})")
        else:
            texts.append(quoted(name, text))
    return Files("\n\n".join(texts), f"Not read: {', '.join(reasons)}." if reasons else "")


def _refused(file: discord.Attachment, settings: DiscordSettings) -> str | None:
    if not is_text(file.content_type or "", file.filename):
        return "I read text files only"
    if file.size > settings.attachment_kb * 1024:
        return f"larger than {settings.attachment_kb} KiB"
    if urlsplit(file.url).hostname not in words(settings.cdn_hosts):
        return "not on Discord's file server"
    return None


async def _download(file: discord.Attachment, settings: DiscordSettings) -> str | None:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            data = await file.read()
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning("attachment %d could not be fetched: %s", file.id, error)
        return None
    return None if len(data) > settings.attachment_kb * 1024 else decoded(data)
