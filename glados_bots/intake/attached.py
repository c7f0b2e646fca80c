"""Reads the first text files of a message, on every platform: all at once, each within its own timeout."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import httpx

from glados_bots.attachments.downloads import Download, DownloadError, fetch
from glados_bots.intake.text_files import NOT_TEXT, Files, TextFile, decoded
from glados_bots.wording.sentence import Sentence, say

log = logging.getLogger(__name__)

F = TypeVar("F")
Outcome = TextFile | Sentence  # the file, or why it was not read


async def read_first(
    files: Sequence[F],
    most: int,
    too_many: Sentence,
    *,
    is_text: Callable[[F], bool],
    name: Callable[[F], str],
    read: Callable[[F], Awaitable[Outcome]],
) -> Files:
    """Read at most `most` of the files that may be text. Further ones get `too_many`. `name` returns a safe name."""
    texts = [file for file in files if is_text(file)]
    unread = [(name(file), NOT_TEXT) for file in files if not is_text(file)]
    unread += [(name(file), too_many) for file in texts[most:]]
    found = await asyncio.gather(*map(read, texts[:most]))
    unread += [(name(file), why) for file, why in zip(texts, found, strict=False) if isinstance(why, Sentence)]
    return Files(tuple(one for one in found if isinstance(one, TextFile)), tuple(unread))


async def downloaded(
    platform: str,
    url: str,
    most: int,
    longest_s: float,
    *,
    is_ours: Callable[[str], bool],
    headers: Mapping[str, str] | None = None,
) -> Download | Sentence:
    """Fetch a file within `longest_s` seconds, else return a sentence for people that says why not."""
    try:
        async with asyncio.timeout(longest_s):
            return await fetch(url, most, is_ours=is_ours, headers=headers)
    except DownloadError as error:
        return error.why
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as error:
        log.warning("a file on %s could not be downloaded: %s", platform, type(error).__name__)
        return say("file-slow", platform=platform)


async def as_text(name: str, found: Download) -> Outcome:
    """Decode a file in a thread, because guessing an encoding takes long."""
    text = await asyncio.to_thread(decoded, found.content, is_whole=found.is_whole)
    return NOT_TEXT if text is None else TextFile(name, text, found.is_whole)
