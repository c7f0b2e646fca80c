"""What is in a zip: a document of Office, a sheet of OpenDocument, or an archive."""

import io
import zipfile

from glados_bots.attachments.converters import RefusedError
from glados_bots.attachments.limits import MB, MOST_PARTS, MOST_UNPACKED
from glados_bots.wording.sentence import say

SAVE_AS = {"text": ".docx", "presentation": ".pptx"}  # OpenDocument's names, and what to save instead
OPEN_DOCUMENT = "application/vnd.oasis.opendocument."


def inside(content: bytes) -> str:
    """The module that converts it. Nothing is unpacked before all sizes are known. Raises RefusedError."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise RefusedError(say("file-damaged")) from error
    parts = archive.infolist()
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise RefusedError(say("file-unpacks", most=MOST_UNPACKED // MB))
    names = [part.filename for part in parts]
    if "mimetype" in names:
        return _open_document(archive)
    if "[Content_Types].xml" not in names:
        raise RefusedError(say("file-archive"))
    for folder, module in (("word/", "word"), ("ppt/", "slides"), ("xl/", "sheets")):
        if any(name.startswith(folder) for name in names):
            return module
    raise RefusedError(say("file-archive"))


def _open_document(archive: zipfile.ZipFile) -> str:
    with archive.open("mimetype") as file:
        kind = file.read(100).decode("ascii", "replace").removeprefix(OPEN_DOCUMENT)
    if kind.startswith("spreadsheet"):
        return "sheets"
    if kind in SAVE_AS:
        raise RefusedError(say("file-save-as", format=SAVE_AS[kind]))
    raise RefusedError(say("file-archive"))
