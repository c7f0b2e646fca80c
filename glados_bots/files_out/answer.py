"""What is shown of an answer, and which files come with it.

Everything here follows from the answer and the platform's limits alone, so that a worker that takes over makes the very
same files.
"""

from collections.abc import Callable
from dataclasses import dataclass

from glados_bots.files_out.moving import moved
from glados_bots.files_out.names import WHOLE
from glados_bots.surface import FileLimits, OutFile
from glados_bots.wording.sentence import NOTHING, Sentence, say


@dataclass(frozen=True, slots=True)
class Shown:
    """How an answer that has ended is shown."""

    chunks: list[str]  # its messages
    notice: Sentence = NOTHING  # where the rest of it is
    files: tuple[OutFile, ...] = ()  # attached to the last message


def shown(answer: str, limits: FileLimits | None, draw: Callable[[str], list[str]], language: str) -> Shown:
    """Move long code and tables into files. If too much text is left, show its first message, and the whole as a file.

    Args:
        answer: the markdown of an answer that has ended.
        limits: None to make no files.
        draw: makes the messages of a markdown text, without any limit of their number.
        language: of the lines that name a file.
    """
    if limits is None:
        return Shown(draw(answer))
    room = limits.size - len(_content(answer))
    text, files = moved(answer, limits, room, language)
    chunks = draw(text)
    if len(chunks) <= limits.messages or room < 0:
        return Shown(chunks, files=files)
    return Shown(chunks[:1], say("whole-in-file", file=WHOLE), (whole(answer), *files))


def growing(chunks: list[str], limits: FileLimits | None) -> tuple[list[str], Sentence]:
    """(the messages to show of an answer that has not ended, a sentence if it has more than those)."""
    if limits is None or len(chunks) <= limits.messages:
        return chunks, NOTHING
    return chunks[: limits.messages], say("file-follows")


def beside(told: Sentence, notice: str, language: str) -> str:
    """The sentence about files, and what else stands beside an answer."""
    if not told:
        return notice
    return (say("two-sentences", first=told, second=notice) if notice else told).in_language(language)


def whole(answer: str) -> OutFile:
    """An answer as a file."""
    return OutFile(WHOLE, _content(answer))


def _content(answer: str) -> bytes:
    """The markdown as the model wrote it. Half a surrogate pair has no bytes, so it becomes a question mark."""
    return answer.encode("utf-8", "replace")
