"""The files of a message, as the core knows them. The worker reads them later."""

from collections.abc import Iterable

import discord

from glados_bots.conversation import Attachment


def of(message: discord.Message) -> tuple[Attachment, ...]:
    """The files of a message, and of the messages that it forwards.

    Discord signs an address for a day. A message tells a fresh one whenever it is fetched.
    """
    held = [*message.attachments, *(file for one in message.message_snapshots for file in one.attachments)]
    return made_of(held, {"channel": str(message.channel.id), "message": str(message.id)})


def made_of(files: Iterable[discord.Attachment], where: dict[str, str]) -> tuple[Attachment, ...]:
    """`where` names the message that has the files, if there is one."""
    return tuple(
        Attachment(str(file.id), file.filename, file.content_type or "", file.size, {"url": file.url, **where})
        for file in files
    )
