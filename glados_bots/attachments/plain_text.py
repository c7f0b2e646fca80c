"""Text in any encoding. The bytes decide whether a file is text, and never its name or media type."""

import codecs
import re

from glados_bots.wording.sentence import say

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 16_384  # bytes from which an encoding is guessed
SHORT = 64  # bytes; fewer do not tell an encoding
MOST_NOISE = 0.35  # share of a text, as charset-normalizer counts it; bytes that are no text have several times as much
MOST_ASCII = 0x7F
WESTERN = "cp1252"
MOST_CONTROLS = 0.01  # share of the characters; text has hardly any
NOT_TEXT = say("file-no-text")


def decoded(data: bytes) -> str | None:
    """The text of a file; None if the bytes are no text."""
    text = in_unicode(data)
    if text is None and may_be_other(data) and (encoding := _guessed(data)):
        text = _decoded(data, encoding)
    return text if text is not None and is_words(text) else None


def in_unicode(data: bytes) -> str | None:
    """The text of bytes that are UTF-8, or with the mark of UTF-16 or UTF-32; else None. It is quick."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8-sig")
    return None if _is_pdf(data) else _decoded(data, encoding)


def may_be_other(data: bytes) -> bool:
    """Whether bytes that are no Unicode may be text in another encoding. To guess it takes long."""
    return b"\0" not in data and not _is_pdf(data)


def _is_pdf(data: bytes) -> bool:
    """A PDF may consist of ASCII only, and yet it is no text to read."""
    return data.startswith(b"%PDF-")


def is_words(text: str) -> bool:
    """Whether characters are text, and not what bytes of another kind happen to decode to."""
    return "\0" not in text and len(_CONTROL.findall(text)) <= MOST_CONTROLS * len(text)


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _guessed(data: bytes) -> str | None:
    """The encoding of bytes that are no Unicode, guessed from a sample; None if they are no text.

    Windows-1252, which includes Latin-1, is tried first and alone: a few umlauts look like letters of many encodings.
    A short text with few of them tells nothing more.
    """
    from charset_normalizer import from_bytes  # noqa: PLC0415 - most files do without it

    if len(data) <= SHORT and 3 * sum(byte > MOST_ASCII for byte in data) <= len(data):
        return WESTERN
    for encodings in ([WESTERN], None):
        best = from_bytes(data[:SAMPLE], cp_isolation=encodings, threshold=MOST_NOISE, enable_fallback=False).best()
        if best:
            return best.encoding
    return None
