"""The files of a message, as Discord announces them. The worker fetches them when it reads the question."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import discord

from glados_bots.conversation import Attachment
from glados_discord.connection.embeds import Holder, is_preview

# Keys of `Attachment.source`.
URL = "url"  # signed for a day. A message tells a fresh one whenever it is fetched.
CHANNEL = "channel"  # of the message that has the file; missing for a file of a command
MESSAGE = "message"
UPLOADED = "/attachments/"  # the path of all files on Discord's hosts, but not of pictures from elsewhere
NO_NAME = "picture"


def of(message: discord.Message, *, has_cards: bool = True) -> tuple[Attachment, ...]:
    """The files of a message, of the messages that it forwards, and the pictures of their embeds.

    `has_cards` is false for messages of people, whose embeds are previews of links.
    """
    where = {CHANNEL: str(message.channel.id), MESSAGE: str(message.id)}
    held: list[Holder] = [message, *message.message_snapshots]
    files = [_attachment(file, where) for one in held for file in one.attachments]
    pictures = [picture for one in held if has_cards or one is not message for picture in _pictures(one)]
    cards = (_card_picture(picture, number, where) for number, picture in enumerate(pictures))
    return (*files, *cards)


def of_command(files: Iterable[discord.Attachment]) -> tuple[Attachment, ...]:
    """Files of a slash command. No message has them, so Discord tells no fresh addresses."""
    return tuple(_attachment(file, {}) for file in files)


def name_of(file: discord.Attachment) -> str:
    """The name that its owner gave a file. Discord leaves only ASCII in `filename`, and keeps the rest in `title`."""
    ending = PurePosixPath(file.filename).suffix
    return f"{file.title.removesuffix(ending)}{ending}" if file.title else file.filename


def _attachment(file: discord.Attachment, where: Mapping[str, str]) -> Attachment:
    return Attachment(str(file.id), name_of(file), file.content_type or "", file.size, {URL: file.url, **where})


def _pictures(held: Holder) -> Iterator[str]:
    """Addresses of the pictures that a program uploaded for its embeds."""
    for embed in held.embeds:
        url = embed.image.proxy_url or ""
        if urlsplit(url).path.startswith(UPLOADED) and not is_preview(embed, held.content):
            yield url


def _card_picture(url: str, number: int, where: Mapping[str, str]) -> Attachment:
    name = PurePosixPath(urlsplit(url).path).name or NO_NAME
    return Attachment(f"{where[MESSAGE]}-{number}", name, source={URL: url, **where})
