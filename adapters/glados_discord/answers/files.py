"""The files of an answer, on its last message.

Each edit tells all files that the message has from then on. So a repeated edit leaves each file once, and an edit
without files takes them away.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus

import discord

from glados_bots.markdown.drawing.grid import MAX_COLUMNS
from glados_bots.surface import FileLimits, OutFile, TableLimits, View
from glados_bots.wording.sentence import Sentence, joined, say
from glados_discord.answers.markdown import LIMIT
from glados_discord.connection.refusals import FORBIDDEN, UPLOAD_TOO_LARGE

# A table should fit into one message, as aligned text.
FILE_LIMITS = FileLimits(TableLimits(rows=30, columns=10, chars=LIMIT // 2, width=MAX_COLUMNS))


class UploadRefusedError(Exception):
    """Discord takes the words of a message, but not its files. `reason` is a sentence for people."""

    def __init__(self, reason: Sentence) -> None:
        super().__init__(f"Discord refused files: {reason}")
        self.reason = reason


def uploads(files: tuple[OutFile, ...]) -> list[discord.File]:
    return [discord.File(io.BytesIO(file.content), file.name) for file in files]


def has_files(message: discord.Message, files: tuple[OutFile, ...]) -> bool:
    """Whether a message has these files and no others."""
    found = [(one.filename, one.size) for one in message.attachments]
    return found == [(file.name, len(file.content)) for file in files]


@contextmanager
def refused_uploads(view: View) -> Iterator[None]:
    """Raises UploadRefusedError if Discord may have refused a message because of its files."""
    try:
        yield
    except discord.HTTPException as error:
        is_too_large = error.code == UPLOAD_TOO_LARGE or error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if not view.files or not (is_too_large or error.code == FORBIDDEN):
            raise
        why = say("files-too-large") if is_too_large else say("needs-permission", permission=say("permission-attach"))
        names = tuple(file.name for file in view.files)
        raise UploadRefusedError(joined(say("files-refused", files=names), why)) from error


def without_files(view: View, error: UploadRefusedError, language: str) -> View:
    """The same message without its files, and with a sentence that says so."""
    return replace(view, files=(), notice=f"{error.reason.in_language(language)} {view.notice}".strip())
