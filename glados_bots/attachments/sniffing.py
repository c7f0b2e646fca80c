"""What kind of file some bytes are. Only the bytes decide: names and announced media types may say anything."""

import re
from typing import Literal

from glados_bots.wording.sentence import Sentence, say

# What the child process can convert: a `zip` may be an Office file, and `ole` is what they were before.
Kind = Literal["picture", "pdf", "zip", "ole", "rtf", "html", "mail", "text"]

HEAD = 4_096  # bytes that are looked at
SAVE_AS_JPEG = say("file-save-as", format="JPEG")
AUDIO, VIDEO = say("file-audio"), say("file-video")
ARCHIVE, PROGRAM = say("file-archive"), say("file-program")

_BEGINNINGS: tuple[tuple[bytes, Kind | Sentence], ...] = (
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF87a", "picture"),
    (b"GIF89a", "picture"),
    (b"II*\0", "picture"),
    (b"MM\0*", "picture"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"{\\rtf", "rtf"),
    (b"ID3", AUDIO),
    (b"fLaC", AUDIO),
    (b"OggS", AUDIO),
    (b"#!AMR", AUDIO),
    (b"\x1a\x45\xdf\xa3", VIDEO),
    (b"FLV\x01", VIDEO),
    (b"\0\0\x01\xba", VIDEO),
    (b"\0\0\x01\xb3", VIDEO),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", VIDEO),
    (b"\x1f\x8b", ARCHIVE),
    (b"BZh", ARCHIVE),
    (b"\xfd7zXZ\0", ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (b"Rar!\x1a\x07", ARCHIVE),
    (b"\x28\xb5\x2f\xfd", ARCHIVE),
    (b"MSCF\0", ARCHIVE),
    (b"\x7fELF", PROGRAM),
    (b"\0asm", PROGRAM),
    (b"\xca\xfe\xba\xbe", PROGRAM),
    (b"\xfe\xed\xfa", PROGRAM),
    (b"\xce\xfa\xed\xfe", PROGRAM),
    (b"\xcf\xfa\xed\xfe", PROGRAM),
    (b"dex\n", PROGRAM),
)
_RIFF: dict[bytes, Kind | Sentence] = {b"WEBP": "picture", b"WAVE": AUDIO, b"AVI ": VIDEO}
_AVIF = (b"avif", b"avis")
_HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,99}(?:<\?xml[^>]{0,200}>\s{0,99})?<(?:!doctype html|html)\b", re.IGNORECASE)
_HEADER = re.compile(
    rb"^(?:From|Received|Return-Path|Date|Message-ID|MIME-Version|Subject|To):", re.IGNORECASE | re.MULTILINE
)
_HEADERS = re.compile(rb"(?:[!-9;-~]{1,80}:[^\n]{0,998}\n|[ \t][^\n]{0,998}\n){3}")
LEAST_HEADERS = 3  # of those that nearly every e-mail has
TAR = slice(257, 262)
PICTURE, WINDOWS_PROGRAM, BITMAP_HEADER = b"BM", b"MZ", slice(6, 10)


def sniffed(content: bytes) -> Kind | Sentence:
    """The kind of a file, or why files of its kind are not read. Unknown bytes are called text, and must prove it."""
    head = content[:HEAD]
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    return _of_container(head) or _of_binary(head) or _of_text(head)


def _of_container(head: bytes) -> Kind | Sentence | None:
    """Files whose kind stands behind the length of their first part."""
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head[4:8] != b"ftyp":
        return None
    brand = head[8:12]
    if brand in _AVIF or (brand == b"mif1" and b"avif" in head[:64]):
        return "picture"
    if brand in _HEIC:
        return SAVE_AS_JPEG
    return AUDIO if brand in (b"M4A ", b"M4B ") else VIDEO


def _of_binary(head: bytes) -> Kind | Sentence | None:
    """Files whose beginning is short, so that text might begin with it too; and those that begin later."""
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(PICTURE) and head[BITMAP_HEADER] == bytes(4):
        return "picture"
    if head.startswith(WINDOWS_PROGRAM) and b"\0" in head:
        return PROGRAM
    if head[TAR] == b"ustar":
        return ARCHIVE
    return AUDIO if head[:2] in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9") else None


def _of_text(head: bytes) -> Kind:
    if _HTML.match(head):
        return "html"
    headers = head.replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n"
    names = {name.lower() for name in _HEADER.findall(headers)}
    return "mail" if _HEADERS.match(headers) and len(names) >= LEAST_HEADERS else "text"
