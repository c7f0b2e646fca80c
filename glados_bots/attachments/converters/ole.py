"""What is in a compound file: what Office wrote before 2007, an e-mail of Outlook, or an encrypted document."""

import io

import olefile

from glados_bots.attachments.converters import RefusedError
from glados_bots.wording.sentence import say

MODULES = {"workbook": "sheets", "book": "sheets", "__properties_version1.0": "outlook"}
REASONS = {
    "encryptedpackage": say("file-locked"),
    "worddocument": say("file-save-as", format=".docx"),
    "powerpoint document": say("file-save-as", format=".pptx"),
}


def inside(content: bytes) -> str:
    """The module that converts it. Raises RefusedError."""
    with olefile.OleFileIO(io.BytesIO(content)) as compound:
        names = {entry[0].lower() for entry in compound.listdir()}
    for name, why in REASONS.items():
        if name in names:
            raise RefusedError(why)
    found = next((module for name, module in MODULES.items() if name in names), None)
    if found is None:
        raise RefusedError(say("file-no-text"))
    return found
