"""Each kind of file, read as people get it: by its bytes, whatever its name says."""

import asyncio
import io
import subprocess
import sys
from base64 import b64decode
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from glados_bots.attachments.contents import Contents, name_of
from glados_bots.attachments.limits import LONGEST_SIDE, MOST_CHARACTERS, MOST_PAGES_SEEN, MOST_PIXELS
from glados_bots.attachments.reading import read
from glados_bots.wording.sentence import NOTHING, say
from tests.attachments import making

FILES = Path(__file__).parent / "files"
PUMPS = [["pump", "bar"], ["north", "42"]]
MAIL = (
    b"From: ada@example.org\r\nTo: bob@example.org\r\nSubject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\r\n"
    b"Date: Mon, 1 Jan 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/html; charset=iso-8859-15\r\n\r\n<p>caf\xe9 <b>now</b></p>\r\n--b\r\n"
    b'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="a.pdf"\r\n\r\nxx\r\n--b--\r\n'
)
PAGE = (
    b"<!DOCTYPE html><html><head><meta charset=iso-8859-1><title>Pumps</title><style>p{}</style></head><body>"
    b"<h1>Caf\xe9</h1><p hidden>unseen</p><p style='display: none'>unseen</p><script>unseen()</script><!-- unseen -->"
    b'<a href="https://e.org/a">link</a> <a href="javascript:unseen()">no link</a>'
    b"<table><tr><td>pump<td>bar<tr><td>north<td>42</table></body></html>"
)


def stored(name: str) -> bytes:
    return (FILES / name).read_bytes()


WORDS = {
    "text": ("Größe\n".encode(), "Größe"),
    "guessed text": ("Größe und Gewicht der Äpfel prüfen wir\n".encode("cp1252") * 5, "Größe und Gewicht"),
    "utf-16": ("Größe".encode("utf-16"), "Größe"),
    "csv": (b"pump,bar\nnorth,42\n", "pump,bar\nnorth,42"),
    "code": (b"import os\n\nFrom: x\n", "import os"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><text>words</text></svg>", "<text>words</text>"),
    "word": (
        making.docx(making.paragraph("Größe") + making.word_table(PUMPS)),
        "Größe\n\n| pump | bar |\n| --- | --- |\n| north | 42 |",
    ),
    "slides": (
        making.pptx(["One", "Two"]),
        "Slide 1\n\nOne\n\n| pump | bar |\n| --- | --- |\n| north | 4\\|2 |\n\nin a group\n\nNotes: say it slowly",
    ),
    "sheets": (
        making.xlsx(
            {"Pumps": [["pump", "bar"], ["north", 42], [None, 3.5, date(2026, 11, 28)]], "None": [], "Other": [["x,y"]]}
        ),
        'Sheet Pumps\n\npump,bar\nnorth,42\n,3.5,2026-11-28\n\nSheet Other\n\n"x,y"',
    ),
    "old sheet": (stored("sheet.xls"), "Sheet Pumps\n\npump,bar\nnorth,42"),
    "open sheet": (making.ods(PUMPS), "Sheet Pumps\n\npump,bar\nnorth,42"),
    "pdf": (making.pdf(["first words", "", "last"]), "Page 1\n\nfirst words\n\nPage 2\n\nPage 3\n\nlast"),
    "rtf": (rb"{\rtf1\ansi Hello {\b World}\par caf\'e9}", "Hello World\ncafé"),
    "mail": (MAIL, "Subject: Größe\n\ncafé **now**\n\nAttached to this e-mail, and not read: a.pdf"),
    "outlook": (stored("outlook.msg"), "Subject: This is the subject\n\nThis is a message"),
    "page": (
        PAGE,
        "Pumps\n\n# Café\n\n[link](https://e.org/a) no link\n\n| pump | bar |\n| --- | --- |\n| north | 42 |",
    ),
}


@pytest.mark.parametrize("kind", WORDS)
async def test_words_are_read(kind: str) -> None:
    content, words = WORDS[kind]
    found = await read(content, "cat.png", "image/png")
    assert words in found.text
    assert (found.partly, found.refusal, found.pictures) == (NOTHING, NOTHING, ())
    assert found.sha256 == name_of(content)
    assert "unseen" not in found.text
    assert Contents.from_json(found.to_json()) == found


def shown(contents: Contents) -> Image.Image:
    """The only picture."""
    (picture,) = contents.pictures
    image = Image.open(io.BytesIO(b64decode(picture.data)))
    assert (Image.MIME[str(image.format)], image.size) == (picture.kind, (picture.width, picture.height))
    return image


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
async def test_pictures_are_read(kind: str) -> None:
    assert shown(await read(making.picture(kind), "notes.txt", "text/plain")).size == (40, 30)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
async def test_pictures_of_every_mode_become_rgb(mode: str) -> None:
    assert shown(await read(making.picture("PNG", mode=mode), "", "")).mode == "RGB"


async def test_a_large_picture_is_shrunk_and_turned_upright_without_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010E] = "taken at home"
    found = shown(await read(making.picture("JPEG", (4_000, 1_000), exif=exif), "", ""))
    assert found.size == (LONGEST_SIDE // 4, LONGEST_SIDE)
    assert not found.getexif()
    assert not {"exif", "xmp", "icc_profile"} & set(found.info)


async def test_what_shines_through_is_white_and_of_an_animation_the_first_frame_counts() -> None:
    clear = shown(await read(making.picture("PNG", mode="RGBA"), "", ""))
    assert clear.getpixel((0, 0)) == (255, 255, 255)
    red, blue = (Image.new("RGB", (9, 9), colour) for colour in ("red", "blue"))
    file = io.BytesIO()
    red.save(file, "GIF", save_all=True, append_images=[blue])
    assert shown(await read(file.getvalue(), "", "")).getpixel((4, 4)) == (255, 0, 0)


async def test_a_photo_is_a_jpeg_and_a_drawing_a_png() -> None:
    file = io.BytesIO()
    Image.effect_noise((400, 400), 90).convert("RGB").save(file, "PNG")
    photo, drawing = await asyncio.gather(read(file.getvalue(), "", ""), read(making.picture("JPEG"), "", ""))
    assert (photo.pictures[0].kind, drawing.pictures[0].kind) == ("image/jpeg", "image/png")


async def test_of_a_scan_the_first_pages_are_pictures() -> None:
    found = await read(making.scan(MOST_PAGES_SEEN + 3), "a.pdf", "application/pdf")
    assert len(found.pictures) == MOST_PAGES_SEEN
    assert max(found.pictures[0].width, found.pictures[0].height) == LONGEST_SIDE
    assert found.partly == say("file-scan", read=MOST_PAGES_SEEN, whole=MOST_PAGES_SEEN + 3)
    assert not found.text


OPEN = "application/vnd.oasis.opendocument."
TOO_WIDE = say("file-too-many-pixels", most=MOST_PIXELS // 10**6)
REFUSED = {
    "empty": (b" \n", say("file-empty")),
    "no words": (making.docx(""), say("file-no-words")),
    "locked pdf": (stored("locked.pdf"), say("file-locked")),
    "locked word": (stored("locked.docx"), say("file-locked")),
    "archive": (making.zipped({"a.txt": "words"}), say("file-archive")),
    "gzip": (b"\x1f\x8b" + bytes(99), say("file-archive")),
    "odt": (
        making.zipped({"mimetype": "application/vnd.oasis.opendocument.text"}),
        say("file-save-as", format=".docx"),
    ),
    "doc": (making.renamed(stored("sheet.xls"), "Workbook", "WordDocument"), say("file-save-as", format=".docx")),
    "ppt": (
        making.renamed(stored("sheet.xls"), "Workbook", "PowerPoint Document"),
        say("file-save-as", format=".pptx"),
    ),
    "other compound": (making.renamed(stored("sheet.xls"), "Workbook", "Other"), say("file-no-text")),
    "heic": (b"\0\0\0\x20ftypheic" + bytes(99), say("file-save-as", format="JPEG")),
    "sound": (b"ID3\x04" + bytes(99), say("file-audio")),
    "film": (b"\0\0\0\x20ftypisom" + bytes(99), say("file-video")),
    "program": (b"\x7fELF" + bytes(99), say("file-program")),
    "windows program": (b"MZ\x90\0" + bytes(99), say("file-program")),
    "unknown": (bytes(range(256)) * 9, say("file-no-text")),
    "cut picture": (making.picture("PNG", (400, 400))[:-200], say("file-damaged")),
    "no pdf": (b"%PDF-1.7\nwords", say("file-damaged")),
    "no zip": (b"PK\x03\x04" + b"words" * 99, say("file-damaged")),
    "wide picture": (
        making.picture("PNG", (13_000, 13_000), "1"),
        say("file-too-many-pixels", most=MOST_PIXELS // 10**6),
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_what_is_not_read_gets_one_sentence(kind: str) -> None:
    content, why = REFUSED[kind]
    found = await read(content, "words.txt", "text/plain")
    assert found.refusal == why
    assert (found.text, found.pictures) == ("", ())
    assert found.sha256 == name_of(content)


async def test_of_long_text_the_beginning_is_kept() -> None:
    found = await read(b"0123456789" * 100_000, "", "")
    assert len(found.text) == MOST_CHARACTERS
    assert found.partly == say("file-characters", read=MOST_CHARACTERS, whole=1_000_000)


async def test_of_a_long_pdf_and_long_sheets_it_is_said_what_was_read() -> None:
    pdf, sheet = await asyncio.gather(
        read(making.pdf(["words " * 5_000] * 20), "", ""),
        read(making.xlsx({"a": [["x" * 4_000]] * 400}), "", ""),
    )
    assert pdf.partly.name in {"file-pages", "file-two-parts"}
    assert "of 20" in str(pdf.partly)
    assert "of 400 rows" in str(sheet.partly)
    assert max(len(pdf.text), len(sheet.text)) <= MOST_CHARACTERS


def test_the_process_that_answers_loads_no_library_that_parses_files() -> None:
    parsers = "PIL pypdfium2 lxml bs4 mammoth pptx python_calamine oxmsg olefile striprtf charset_normalizer"
    script = f"import sys, glados_bots.attachments.reading\nprint(sorted({{*{parsers.split()}}} & {{*sys.modules}}))"
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"
