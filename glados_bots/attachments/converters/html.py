"""Pages of the web."""

from contextlib import suppress

from bs4.dammit import EncodingDetector

from glados_bots.attachments import plain_text
from glados_bots.attachments.contents import Contents
from glados_bots.attachments.converters import RefusedError
from glados_bots.attachments.converters.loading import load
from glados_bots.attachments.converters.markdown import as_markdown

load("encodings")


def convert(content: bytes) -> Contents:
    return Contents(text=as_markdown(_decoded(content)))


def _decoded(content: bytes) -> str:
    """The page in the encoding that it names, else in the one that it seems to have."""
    named = EncodingDetector.find_declared_encoding(content, is_html=True, search_entire_document=False)
    with suppress(LookupError, ValueError):
        return content.decode(named or "utf-8-sig")
    text = plain_text.decoded(content)
    if text is None:
        raise RefusedError(plain_text.NOT_TEXT)
    return text
