"""Rich Text Format: its words."""

from striprtf.striprtf import rtf_to_text

from glados_bots.attachments.contents import Contents
from glados_bots.attachments.converters.loading import load

load("encodings")


def convert(content: bytes) -> Contents:
    return Contents(text=rtf_to_text(content.decode("latin-1"), errors="replace"))  # the format itself is ASCII
