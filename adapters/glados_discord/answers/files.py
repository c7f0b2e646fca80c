"""The files of an answer, on its last message.

Each edit tells all files that the message has from then on. So a repeated edit leaves each file once, and an edit
without files takes them away.
"""

import io

import discord

from glados_bots.markdown.drawing.grid import MAX_COLUMNS
from glados_bots.surface import FileLimits, OutFile, TableLimits
from glados_discord.answers.markdown import LIMIT

# A table should fit into one message, as aligned text.
FILE_LIMITS = FileLimits(TableLimits(rows=30, columns=10, chars=LIMIT // 2, width=MAX_COLUMNS))


def uploads(files: tuple[OutFile, ...]) -> list[discord.File]:
    """The files for one call. A call reads them, so each call needs its own."""
    return [discord.File(io.BytesIO(file.content), file.name) for file in files]


def has_files(message: discord.Message, files: tuple[OutFile, ...]) -> bool:
    """Whether a message has these files and no others."""
    found = [(one.filename, one.size) for one in message.attachments]
    return found == [(file.name, len(file.content)) for file in files]
