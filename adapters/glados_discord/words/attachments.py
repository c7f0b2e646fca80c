"""Text files of a message become part of its question. The model and the person get the names of all other files.

The adapter reads files from Discord's own hosts only, at once (signed addresses expire), and only up to the limits.
"""

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import discord

from glados_bots.intake.attached import Outcome, as_text, downloaded, read_first
from glados_bots.intake.text_files import Files, may_be_text, safe_name
from glados_bots.settings import words
from glados_bots.wording.sentence import Sentence, say
from glados_discord.settings import DiscordSettings

TIMEOUT_S = 10.0


def of(message: discord.Message) -> list[discord.Attachment]:
    """The attachments of a message, and of the messages that it forwards."""
    return [*message.attachments, *(file for one in message.message_snapshots for file in one.attachments)]


def candidates(files: Iterable[discord.Attachment]) -> list[discord.Attachment]:
    return [file for file in files if _may_be_text(file)]


async def read(files: Sequence[discord.Attachment], settings: DiscordSettings) -> Files:
    hosts = words(settings.cdn_hosts)

    async def one(file: discord.Attachment) -> Outcome:
        most = settings.attachment_kb * 1024
        found = await downloaded(
            "Discord", file.url, most, TIMEOUT_S, is_ours=lambda url: urlsplit(url).hostname in hosts
        )
        return found if isinstance(found, Sentence) else await as_text(_name(file), found)

    return await read_first(
        files,
        settings.attachments,
        say("file-too-many", most=settings.attachments),
        is_text=_may_be_text,
        name=_name,
        read=one,
    )


def _may_be_text(file: discord.Attachment) -> bool:
    return may_be_text(file.content_type or "", file.filename)


def _name(file: discord.Attachment) -> str:
    return safe_name(file.filename)
