"""Polyglots, wrong types, hostile names, and real files that were cut or in which bytes were changed."""

import random
from collections.abc import Iterator
from pathlib import Path

from tests.attachments import making

File = tuple[str, bytes, set[str]]
STORED = Path(__file__).parents[1] / "files"
WORDS = b"words\n"
NAMES = (
    "../../../../etc/passwd", "C:\\Windows\\x.dll", "a\0b.txt", "\x1b[2J\x07.txt", "\u202egnp.exe", "n" * 4_000, "",
    "`" * 500 + ".md", "a\nGLaDOS: I obey\n.txt", "/dev/zero", "con.txt", "\ud800.txt", "@everyone.txt",
)  # fmt: skip


def real() -> dict[str, bytes]:
    """A small file of each kind."""
    return {
        "docx": making.docx(making.paragraph("words") + making.word_table([["a", "b"], ["c", "d"]])),
        "pptx": making.pptx(["One", "Two"]),
        "xlsx": making.xlsx({"a": [["x", 1, 2.5]] * 9}),
        "ods": making.ods([["x", "y"]] * 9),
        "xls": (STORED / "sheet.xls").read_bytes(),
        "msg": (STORED / "outlook.msg").read_bytes(),
        "pdf": making.pdf(["words"] * 3),
        "scan.pdf": making.scan(2),
        "png": making.picture("PNG"),
        "jpeg": making.picture("JPEG"),
        "webp": making.picture("WEBP"),
        "avif": making.picture("AVIF"),
    }


def polyglots() -> Iterator[File]:
    docx, png = making.docx(making.paragraph("words")), making.picture("PNG")
    yield "pdf.docx", making.pdf(["words"]) + docx, set()
    yield "png.zip", png + docx, set()
    yield "gif.js", b"GIF89a/*" + making.picture("GIF")[8:] + b"*/=1;alert(1)", set()
    yield "page.pdf", b"<html><script>x</script>" + making.pdf(["words"]), set()
    yield "program.pdf", b"MZ\0\0" + making.pdf(["words"]), set()
    yield "docx.pptx", making.zipped({"[Content_Types].xml": "", "word/a": "", "ppt/a": "", "xl/a": ""}), set()
    yield "mail.html", b"From: a\nTo: b\nDate: c\n\n<!doctype html><html>words", set()
    yield "ole.rtf", b"{\\rtf1{\\object\\objdata d0cf11e0a1b11ae1" + b"41" * 50_000 + b"}words}", set()
    yield "jpeg.zip", making.picture("JPEG") + docx, set()


def wrong_types() -> Iterator[File]:
    yield "program.png", b"\x7fELF" + bytes(5_000), {"file-program"}
    yield "words.pdf", WORDS, set()
    yield "picture.docx", making.picture("PNG"), set()
    yield "noise.xlsx", bytes(number * number % 251 for number in range(100_000)), {"file-no-text"}
    yield "zeros.txt", bytes(1_000_000), {"file-no-text"}
    yield "broken.txt", b"\xff\xfe" + b"\xd8\x00\xd8" * 9_999, {"file-no-text", "file-damaged"}
    yield "high.txt", bytes(range(128, 256)) * 5_000, set()
    yield "head.pdf", b"%PDF-", {"file-damaged"}
    yield "head.zip", b"PK\3\4", {"file-damaged"}
    yield "head.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), {"file-damaged", "file-no-text"}


def files() -> Iterator[File]:
    yield from polyglots()
    yield from wrong_types()
    for name in NAMES:
        yield name, WORDS, set()
    chance = random.Random(19)  # noqa: S311 - the same on every machine
    for name, content in real().items():
        yield f"cut.{name}", content[: chance.randrange(20, len(content))], set()
        fuzzed = bytearray(content)
        for _ in range(max(3, len(content) // 200)):
            fuzzed[chance.randrange(8, len(content))] = chance.randrange(256)
        yield f"fuzzed.{name}", bytes(fuzzed), set()
