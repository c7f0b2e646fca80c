"""Text in an encoding that must be guessed."""

from glados_bots.attachments import plain_text
from glados_bots.attachments.contents import Contents
from glados_bots.attachments.converters import RefusedError
from glados_bots.attachments.converters.loading import load

load("encodings")


def convert(content: bytes) -> Contents:
    text = plain_text.decoded(content)
    if text is None:
        raise RefusedError(plain_text.NOT_TEXT)
    return Contents(text=text)
