"""Makes small real files of each kind, with libraries where there is one, and by hand otherwise."""

import io
import zipfile
from collections.abc import Mapping

import xlsxwriter
from PIL import Image
from pptx import Presentation
from pptx.util import Inches

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
DOCUMENT_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def docx(body: str, *, prologue: str = "") -> bytes:
    """A Word document with this XML in its body."""
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{DOCUMENT_TYPE}"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
            f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'{prologue}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
        }
    )


def paragraph(words: str) -> str:
    return f"<w:p><w:r><w:t>{words}</w:t></w:r></w:p>"


def word_table(rows: list[list[str]]) -> str:
    cells = ["".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows]
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def pptx(titles: list[str]) -> bytes:
    """Slides with a title each; the first has a table, a note and a group."""
    slides = Presentation()
    for title in titles:
        slides.slides.add_slide(slides.slide_layouts[5]).shapes.title.text = title
    first = slides.slides[0]
    table = first.shapes.add_table(2, 2, 0, 0, Inches(1), Inches(1)).table
    for place, words in enumerate(["pump", "bar", "north", "4|2"]):
        table.cell(*divmod(place, 2)).text = words
    group = first.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "in a group"
    first.notes_slide.notes_text_frame.text = "say it slowly"
    return _saved(slides)


def xlsx(sheets: Mapping[str, list[list[object]]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd"}) as workbook:
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return file.getvalue()


def ods(rows: list[list[str]]) -> bytes:
    cells = "".join(
        "<table:table-row>"
        + "".join(f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>' for c in row)
        + "</table:table-row>"
        for row in rows
    )
    names = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": f"<office:document-content {names}><office:body><office:spreadsheet>"
            f'<table:table table:name="Pumps">{cells}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{manifest}"/>',
        }
    )


def pdf(pages: list[str]) -> bytes:
    """A PDF with a line of words per page. It has no table of objects; readers make one."""
    numbers = range(3, 3 + 2 * len(pages), 2)
    objects = ["1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj"]
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects.append(f"2 0 obj <</Type/Pages/Count {len(pages)}/Kids[{kids}]>> endobj")
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    for number, words in zip(numbers, pages, strict=True):
        drawing = f"BT /F 12 Tf 72 700 Td ({words}) Tj ET"
        objects.append(
            f"{number} 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents {number + 1} 0 R"
            f"/Resources<</Font<</F {font}>>>>>> endobj"
        )
        objects.append(f"{number + 1} 0 obj <</Length {len(drawing)}>> stream\n{drawing}\nendstream endobj")
    return "\n".join(["%PDF-1.4", *objects, "trailer <</Root 1 0 R>>", "%%EOF"]).encode()


def scan(pages: int) -> bytes:
    """A PDF whose pages are pictures."""
    file = io.BytesIO()
    first, *rest = [Image.new("RGB", (60, 80), (number, 99, 99)) for number in range(pages)]
    first.save(file, "PDF", save_all=True, append_images=rest)
    return file.getvalue()


def picture(kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 200 if mode in {"L", "P", "1"} else None).save(file, kind, **options)
    return file.getvalue()


def renamed(compound: bytes, old: str, new: str) -> bytes:
    """A compound file, as Office wrote before 2007, with another name of one of its streams."""
    data, name = bytearray(compound), new.encode("utf-16-le")
    place = compound.index(old.encode("utf-16-le"))
    data[place : place + 66] = name.ljust(64, b"\0") + (len(name) + 2).to_bytes(2, "little")
    return bytes(data)


def _saved(slides: object) -> bytes:
    file = io.BytesIO()
    slides.save(file)  # type: ignore[attr-defined]
    return file.getvalue()
