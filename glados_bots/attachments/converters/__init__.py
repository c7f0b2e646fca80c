"""Converters, one per kind of file. They run in attachments/child.py only; each has `convert(content) -> Contents`."""

import math
import time

from glados_bots.attachments.limits import ENOUGH_S, MOST_CHARACTERS
from glados_bots.wording.sentence import NOTHING, Sentence, say

stop_at = math.inf  # by time.monotonic(); attachments/child.py sets it


class RefusedError(Exception):
    """A file is not read. `why` is a sentence for people."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why.name)
        self.why = why


def cut(text: str) -> tuple[str, Sentence]:
    """The text within its limit, and what was read of it if that is not everything."""
    if len(text) <= MOST_CHARACTERS:
        return text, NOTHING
    return text[:MOST_CHARACTERS], say("file-characters", read=MOST_CHARACTERS, whole=len(text))


def is_enough(characters: int) -> bool:
    """Whether a converter that goes page by page should stop, having this much text."""
    return characters > MOST_CHARACTERS or time.process_time() > ENOUGH_S or time.monotonic() > stop_at


def table(rows: list[list[str]]) -> str:
    """Rows of the same length as a table in markdown; the first is its head."""
    cells = [[" ".join(cell.split()).replace("|", r"\|") for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([*lines[:1], "|" + " --- |" * len(cells[0]), *lines[1:]]) if cells else ""
