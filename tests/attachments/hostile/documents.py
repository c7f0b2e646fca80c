"""Bombs and loops of PDF, mail, RTF and HTML."""

import zlib
from collections.abc import Iterator
from functools import cache

File = tuple[str, bytes, set[str]]
COMPLEX = {"file-too-complex", "file-damaged", "file-too-slow"}
PAGE = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources 5 0 R>>"
TREE = "<</Type/Pages/Count 1/Kids[3 0 R]>>"


def pdf(*objects: str | bytes, tree: str = TREE, page: str = PAGE) -> bytes:
    """A PDF of one page; further objects have the numbers from 4."""
    parts = ["<</Type/Catalog/Pages 2 0 R>>", tree, page, *objects]
    body = b"\n".join(
        b"%d 0 obj %s endobj" % (number, part.encode() if isinstance(part, str) else part)
        for number, part in enumerate(parts, 1)
    )
    return b"%PDF-1.4\n" + body + b"\ntrailer <</Root 1 0 R>>\n%%EOF"


def stream(content: bytes, entries: str = "") -> bytes:
    return b"<<%s/Length %d>> stream\n%s\nendstream" % (entries.encode(), len(content), content)


@cache
def zeros() -> bytes:
    """300 MB of zeros, in the way of zlib."""
    packer = zlib.compressobj(1)
    return b"".join([*(packer.compress(bytes(2**20)) for _ in range(300)), packer.flush()])


def pdfs() -> Iterator[File]:
    bomb = zeros()
    yield "stream.pdf", pdf(stream(bomb, "/Filter/FlateDecode")), COMPLEX | {"file-no-words"}
    yield "twice.pdf", pdf(stream(zlib.compress(bomb), "/Filter[/FlateDecode/FlateDecode]")), set()
    yield "filters.pdf", pdf(stream(b"x", f"/Filter[{'/ASCIIHexDecode' * 20_000}]")), set()
    size = "/Type/XObject/Subtype/Image/Width 30000/Height 30000/ColorSpace/DeviceRGB/BitsPerComponent 8"
    image = stream(bomb, f"{size}/Filter/FlateDecode")
    drawn = stream(b"600 0 0 700 0 0 cm /I Do")
    yield "image.pdf", pdf(drawn, "<</XObject<</I 6 0 R>>>>", image), set()
    form = stream(b"/I Do /I Do", "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources 5 0 R")
    yield "form-in-itself.pdf", pdf(drawn, "<</XObject<</I 6 0 R>>>>", form), set()
    yield "tree-loop.pdf", pdf(tree="<</Type/Pages/Count 9/Kids[2 0 R 2 0 R]>>"), set()
    yield "count.pdf", pdf(tree="<</Type/Pages/Count 999999999/Kids[3 0 R]>>"), set()
    yield "same-page.pdf", pdf(tree=f"<</Type/Pages/Count 50000/Kids[{'3 0 R ' * 50_000}]>>"), set()
    yield "deep-arrays.pdf", pdf("[" * 100_000 + "]" * 100_000), set()
    yield "deep-dictionaries.pdf", pdf("<</A" * 100_000 + ">>" * 100_000), set()
    for name, box in (("wide", "0 0 1e9 1"), ("none", "0 0 0 0"), ("minus", "9 9 -9e30 -9e30"), ("words", "a b c d")):
        yield f"box-{name}.pdf", pdf(stream(b""), page=PAGE.replace("0 0 612 792", box)), set()
    yield "contents-loop.pdf", pdf(page=PAGE.replace("4 0 R", "3 0 R")), set()
    yield "operators.pdf", pdf(stream(b"q " * 5_000_000)), set()
    yield "paths.pdf", pdf(stream(b"0 0 m 600 700 l S " * 300_000)), set()
    yield "script.pdf", pdf(tree=TREE + "/OpenAction<</S/JavaScript/JS(while(1);)>>"), set()
    yield "xref.pdf", b"%PDF-1.4\nxref\n0 99999999\ntrailer <</Prev 9/Root 1 0 R>>\nstartxref\n9\n%%EOF", set()


def mails() -> Iterator[File]:
    head = b"From: a@b.c\nTo: a@b.c\nSubject: x\nMIME-Version: 1.0\n"
    parts = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1_500))
    yield "nested.eml", head + parts, set()
    messages = b"Content-Type: message/rfc822\n\n" * 5_000
    yield "messages.eml", head + messages, set()
    yield "addresses.eml", b"From: a@b.c\nDate: x\nSubject: x\nTo: " + b'"(' * 30_000 + b"\n\nwords", set()
    yield "words.eml", head + b"Cc: " + b"=?utf-8?q?x?= " * 50_000 + b"\n\nwords", set()
    yield "charset.eml", head + b"Content-Type: text/plain; charset=none-such\n\nw\xc3\xb6rds", set()
    yield "rot13.eml", head + b"Content-Type: text/plain; charset=rot13\n\nwords", set()
    yield "base64.eml", head + b"Content-Transfer-Encoding: base64\n\n" + b"!" * 100_000, set()
    yield "headers.eml", head + b"X: y\n" * 200_000 + b"\nwords", set()


def pages() -> Iterator[File]:
    head = b"<!doctype html><html><body>"
    yield "deep.html", head + b"<div>" * 20_000 + b"words", set()
    yield "deep-lists.html", head + b"<ul><li>" * 9_000 + b"words", set()
    yield "attributes.html", head + b"<p " + b"a=b " * 300_000 + b">words", set()
    yield "links.html", head + b"<a href=http://e.org>" * 10_000, set()
    yield "cells.html", head + b"<table>" + b"<tr><td colspan=999999999>x" * 2_000, set()
    yield "style.html", head + b"<p style='" + b"display " * 100_000 + b"'>words", set()
    yield "comments.html", head + b"<!--" * 300_000, set()
    yield "entities.html", head + b"&#x110000;&#0;&lt" * 50_000, set()


def rtfs() -> Iterator[File]:
    yield "deep.rtf", b"{\\rtf1" + b"{" * 300_000 + b"words", set()
    yield "control.rtf", b"{\\rtf1 " + b"\\u-99999999 ?" * 100_000, set()
    yield "digits.rtf", b"{\\rtf1 \\u" + b"9" * 100_000 + b"}", set()
    yield "binary.rtf", b"{\\rtf1 \\bin999999999 " + bytes(range(256)) * 99, set()


def files() -> Iterator[File]:
    yield from pdfs()
    yield from mails()
    yield from pages()
    yield from rtfs()
