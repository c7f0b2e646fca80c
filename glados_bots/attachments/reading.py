"""Reads a file that somebody attached: from its bytes to its words and pictures."""

import logging
from dataclasses import replace

from glados_bots.attachments import plain_text
from glados_bots.attachments.child_process import converted
from glados_bots.attachments.contents import Contents, name_of, refused
from glados_bots.attachments.converters import cut
from glados_bots.attachments.sniffing import Kind, sniffed
from glados_bots.metrics import FILES
from glados_bots.wording.sentence import Sentence, say

log = logging.getLogger(__name__)
EMPTY = say("file-empty")


async def read(content: bytes, name: str, kind: str) -> Contents:
    """What a file holds. It never raises for what is in the file: `refusal` says why a file was not read.

    Args:
        content: all bytes of the file; they alone decide how it is read.
        name: as its owner calls it; for the log at debug level only.
        kind: the announced media type; for the log as well.
    """
    log.debug("reading the file %r, announced as %r", name, kind)
    found = sniffed(content)
    if isinstance(found, Sentence):
        contents, label = refused(found), found.name.removeprefix("file-")
    else:
        contents, label = await _contents(content, found), found
    result = "refused" if contents.refusal else "partly" if contents.partly else "read"
    FILES.labels(label, result).inc()
    return replace(contents, sha256=name_of(content))


async def _contents(content: bytes, kind: Kind) -> Contents:
    if not content or content.isspace():
        return refused(EMPTY)
    if kind == "text" and (quick := _quick(content)):
        return quick
    contents, why = await converted(kind, content)
    if contents.refusal:
        log.warning("a file was not read: kind %s, %d bytes, %s (%s)", kind, len(content), contents.refusal.name, why)
    return contents


def _quick(content: bytes) -> Contents | None:
    """Text in Unicode, or bytes that are surely none; None if the encoding must be guessed."""
    text = plain_text.in_unicode(content)
    if text is None:
        return None if plain_text.may_be_other(content) else refused(plain_text.NOT_TEXT)
    text, partly = cut(text)
    return Contents(text=text, partly=partly) if plain_text.is_words(text) else refused(plain_text.NOT_TEXT)
