"""Reads a file."""

from glados_bots.attachments.contents import Contents, name_of, refused
from glados_bots.attachments.plain_text import NOT_TEXT, decoded


async def read(content: bytes, name: str, kind: str) -> Contents:
    """What a file holds."""
    del name, kind
    text = decoded(content)
    return refused(NOT_TEXT) if text is None else Contents(name_of(content), text)
