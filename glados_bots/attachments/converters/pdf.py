"""PDF: its words, page by page. Of a PDF without words, such as a scan, the first pages become pictures."""

import encodings.utf_16_le  # noqa: F401 - pypdfium2 decodes with it, and cannot import it later

import pypdfium2
from pypdfium2.raw import FPDF_ERR_PASSWORD

from glados_bots.attachments.contents import Contents
from glados_bots.attachments.converters import RefusedError, is_enough
from glados_bots.attachments.converters.pictures import encoded
from glados_bots.attachments.limits import LONGEST_SIDE, MOST_PAGES_SEEN
from glados_bots.conversation import Picture
from glados_bots.wording.sentence import NOTHING, say


def convert(content: bytes) -> Contents:
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise RefusedError(say(_reason(error))) from error
    pages = _words(document)
    whole = len(document)
    if any(pages):
        text = "\n\n".join(f"Page {number}\n\n{words}".strip() for number, words in enumerate(pages, 1))
        partly = say("file-pages", read=len(pages), whole=whole) if len(pages) < whole else NOTHING
        return Contents(text=text, partly=partly)
    pictures = _seen(document)
    return Contents(pictures=pictures, partly=say("file-scan", read=len(pictures), whole=whole))


def _reason(error: pypdfium2.PdfiumError) -> str:
    return "file-locked" if error.err_code == FPDF_ERR_PASSWORD else "file-damaged"


def _words(document: pypdfium2.PdfDocument) -> list[str]:
    """The words of the first pages: of as many as there is room and time for."""
    pages: list[str] = []
    characters = 0
    for page in document:
        words = page.get_textpage().get_text_range().replace("\r\n", "\n").strip()
        pages.append(words)
        characters += len(words)
        page.close()
        if is_enough(characters):
            break
    return pages


def _seen(document: pypdfium2.PdfDocument) -> tuple[Picture, ...]:
    """The first pages as pictures."""
    pictures: list[Picture] = []
    for page in document:
        longest = max(page.get_size())
        image = page.render(scale=LONGEST_SIDE / longest).to_pil()
        pictures.append(encoded(image.convert("RGB")))
        if len(pictures) == MOST_PAGES_SEEN or is_enough(0):
            break
    return tuple(pictures)
