"""The embeds of a message. Discord makes some of them from links, and programs write the others."""

from typing import Protocol

import discord


class Holder(Protocol):
    """The common part of a message and a forwarded message."""

    @property
    def content(self) -> str: ...
    @property
    def embeds(self) -> list[discord.Embed]: ...
    @property
    def stickers(self) -> list[discord.StickerItem]: ...
    @property
    def attachments(self) -> list[discord.Attachment]: ...
    @property
    def components(self) -> list[discord.Component]: ...


def is_preview(embed: discord.Embed, text: str) -> bool:
    """Whether Discord made this embed from a link in the text."""
    return embed.type not in {"rich", None} or bool(embed.url and embed.url.rstrip("/") in text)


def card(embed: discord.Embed) -> str:
    """The words of an embed, in lines."""
    fields = (f"{field.name}: {field.value}" for field in embed.fields)
    return "\n".join(filter(None, [embed.title, embed.description, *fields]))
