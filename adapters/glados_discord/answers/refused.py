"""What is shown of a message if Discord refuses its words or its files. The same words and files would never pass."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import TypeVar

import discord

from glados_bots.conversation import Turn
from glados_bots.surface import View
from glados_bots.wording.sentence import Sentence, joined, say
from glados_discord.connection.refusals import FORBIDDEN, UPLOAD_TOO_LARGE, BlockedError

log = logging.getLogger(__name__)
T = TypeVar("T")


class UploadRefusedError(Exception):
    """Discord does not take the files of a message. `reason` is a sentence for people."""

    def __init__(self, reason: Sentence) -> None:
        super().__init__(str(reason))
        self.reason = reason


@contextmanager
def upload_errors(view: View) -> Iterator[None]:
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


async def acceptable(turn: Turn, view: View, show: Callable[[View], Awaitable[T]]) -> T:
    """Show a view, or what is left of it without the files or the words that Discord refuses."""
    try:
        return await show(view)
    except UploadRefusedError as error:
        log.warning("turn %s: files were refused: %s", turn.id, error)
        return await acceptable(turn, replace(view, files=(), notice=_told(turn, view, error.reason)), show)
    except BlockedError as error:  # the files hold the same words
        return await show(replace(view, chunk="", files=(), notice=_told(turn, view, error.reason)))


def _told(turn: Turn, view: View, reason: Sentence) -> str:
    return f"{reason.in_language(turn.language)} {view.notice}".strip()
