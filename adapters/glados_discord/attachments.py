"""Text files of a message become part of its question; everything else is left out, and the person is told.

Files are read from Discord's own hosts only, at once (their signed addresses expire), and never beyond the caps.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import discord

from glados_discord.settings import DiscordSettings, words

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
_TEXT_TYPES = re.compile(
    r"text/|application/(?:[\w.+-]*\+)?(?:json|xml|yaml|x-yaml|toml|sql|javascript|typescript|x-sh|x-python|csv)\b"
)
_TEXT_NAMES = re.compile(
    r"\.(?:txt|md|rst|log|csv|tsv|json|jsonl|ya?ml|toml|ini|cfg|conf|xml|html?|css|sql|diff|patch|sh|bash|py|js|ts|jsx|tsx"
    r"|c|h|cc|cpp|hpp|cs|go|rs|java|kt|rb|php|pl|lua|r|jl|swift|scala|hs|ex|exs|erl|clj|vim|tex|bib|srt|vtt|tf|proto)\Z",
    re.IGNORECASE,
)
_TICKS = re.compile("`{3,}")


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
        name = _safe(file.filename)
        reason = _refused(file, settings) if index < settings.attachments else "too many files"
        text = None if reason else await _download(file, settings)
        if text is None:
            reasons.append(f"{name} ({reason or 'not readable as text'})")
        else:
            texts.append(f"Attached file {name}:\n{_fenced(text, name)}")
    return Files("\n\n".join(texts), f"Not read: {', '.join(reasons)}." if reasons else "")


def _refused(file: discord.Attachment, settings: DiscordSettings) -> str | None:
    if not (_TEXT_TYPES.match(file.content_type or "") or _TEXT_NAMES.search(file.filename)):
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
    return None if len(data) > settings.attachment_kb * 1024 else _decoded(data)


def _decoded(data: bytes) -> str | None:
    """Text in UTF-8, or in UTF-16 with a byte order mark; None for anything else."""
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _fenced(text: str, name: str) -> str:
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=2)
    fence = "`" * max(3, longest + 1)
    ending = name.rpartition(".")[2] if "." in name else ""
    return f"{fence}{ending}\n{text.rstrip()}\n{fence}"


def _safe(name: str) -> str:
    return re.sub(r"[^\w.\- ]+", "_", name)[:60] or "file"
