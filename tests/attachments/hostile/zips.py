"""Bombs of zip and XML, in the documents of Office."""

import io
import struct
import zipfile
from collections.abc import Iterator

from tests.attachments import making

File = tuple[str, bytes, set[str]]
UNPACKS, COMPLEX = {"file-unpacks"}, {"file-too-complex", "file-damaged", "file-too-slow"}
PASSWD = '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a0 'ha'>"
    + "".join(f"<!ENTITY a{step + 1} '{f'&a{step};' * 10}'>" for step in range(9))
    + "<!ENTITY x '&a9;'>]>"
)
QUADRATIC = f"<!DOCTYPE x [<!ENTITY x '{'x' * 100_000}'>]>"


def changed(document: bytes, part: str, content: bytes | str) -> bytes:
    """The document with another content of one part."""
    with zipfile.ZipFile(io.BytesIO(document)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return making.zipped({**parts, part: content})


def with_size(archive: bytes, size: int) -> bytes:
    """The same zip, which announces another size for each part."""
    data, place = bytearray(archive), 0
    while (place := data.find(b"PK\1\2", place)) >= 0:
        struct.pack_into("<L", data, place + 24, size)
        place += 4
    return bytes(data)


def bomb(megabytes: int) -> bytes:
    """A Word document of so many megabytes of spaces."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w") as part:
            for _ in range(megabytes):
                part.write(b" " * 2**20)
    return file.getvalue()


def overlapping(parts: int) -> bytes:
    """Many entries of the directory for the same 10 MB of zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(10_000_000))
        first = archive.infolist()[0]
        archive.filelist += [first] * parts
    return file.getvalue()


def entities(prologue: str) -> Iterator[tuple[str, bytes]]:
    """The same entity in each kind of document."""
    slides, sheets, pumps = making.pptx(["One"]), making.xlsx({"a": [["x"]]}), making.ods([["x"]])
    yield "docx", making.docx(making.paragraph("&x;"), prologue=prologue)
    slide = f'{prologue}<p:sld xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main">&x;</p:sld>'
    yield "pptx", changed(slides, "ppt/slides/slide1.xml", slide)
    yield "xlsx", changed(sheets, "xl/sharedStrings.xml", f"{prologue}<sst><si><t>&x;</t></si></sst>")
    yield "ods", changed(pumps, "content.xml", f"{prologue}<x>&x;</x>")


def sheet_with(cells: str) -> bytes:
    head = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    return changed(making.xlsx({"a": [["x"]]}), "xl/worksheets/sheet1.xml", f"{head}{cells}</worksheet>")


def files() -> Iterator[File]:
    small = making.docx(making.paragraph("x"))
    large = bomb(210)
    yield "bomb.docx", large, UNPACKS
    yield "lies-small.docx", with_size(large, 1_000), {"file-damaged", "file-no-words"}
    yield "lies-large.docx", with_size(small, 2**32 - 2), UNPACKS
    yield "overlapping.docx", overlapping(50), UNPACKS
    yield "many.docx", making.zipped({f"word/{number}": b"" for number in range(10_050)}), UNPACKS
    yield "42.zip", making.zipped({"a.zip": making.zipped({"b.zip": bytes(9_000_000)})}), {"file-archive"}
    yield "paths.zip", making.zipped({"../../../etc/cron.d/x": b"x", "C:\\x": b"x"}), {"file-archive"}
    yield "under-the-limit.docx", changed(small, "word/document.xml", b"<a>" * 4_000_000), COMPLEX
    yield "text.docx", making.docx(f"<w:p><w:r><w:t>{'x' * 30_000_000}</w:t></w:r></w:p>"), set()
    yield "strings.xlsx", changed(making.xlsx({"a": [["x"]]}), "xl/sharedStrings.xml", b"<sst>" * 10_000_000), set()
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    yield "far.xlsx", sheet_with(f"<sheetData>{far}</sheetData>"), COMPLEX
    yield "dimension.xlsx", sheet_with('<dimension ref="A1:XFD1048576"/><sheetData/>'), set()
    yield "reference.xlsx", sheet_with('<sheetData><row r="99999999999"><c r="ZZZZZZ0"/></row></sheetData>'), set()
    repeated = 'table:number-columns-repeated="16384" office:value-type="string"'
    cell = f"<table:table-cell {repeated}><text:p>x</text:p></table:table-cell>"
    ods = making.ods([["x"]])
    with zipfile.ZipFile(io.BytesIO(ods)) as archive:
        cells = archive.read("content.xml").decode()
    rows = f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    repeating = cells.replace("<table:table-row>", rows + "<table:table-row>")
    yield "repeated.ods", changed(ods, "content.xml", repeating), COMPLEX
    for name, prologue in (("laughs", LAUGHS), ("quadratic", QUADRATIC), ("passwd", PASSWD)):
        for kind, content in entities(prologue):
            yield f"{name}.{kind}", content, set()
    deep = 50_000
    yield "deep.docx", making.docx("<w:p>" * deep + "</w:p>" * deep), COMPLEX | {"file-no-words"}
    yield "deep-tables.docx", making.docx("<w:tbl><w:tr><w:tc>" * 3_000 + "</w:tc></w:tr></w:tbl>" * 3_000), set()
    yield "deep.pptx", changed(making.pptx(["x"]), "ppt/slides/slide1.xml", "<a>" * deep + "</a>" * deep), COMPLEX
    locked = bytearray(small)
    for place in (small.find(b"PK\3\4") + 6, small.find(b"PK\1\2") + 8):
        locked[place] |= 1
    yield "flagged.docx", bytes(locked), set()
    yield "cut-directory.docx", small[:-30], {"file-damaged"}
