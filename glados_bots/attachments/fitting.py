"""Fits files into a question."""

from collections.abc import Sequence
from dataclasses import dataclass

from glados_bots.attachments.contents import Contents
from glados_bots.conversation import Picture
from glados_bots.intake.text_files import Files, TextFile, safe_name
from glados_bots.wording.sentence import Sentence


@dataclass(frozen=True, slots=True)
class Fitted:
    """The files of a question, as a prompt has room for them."""

    text: str  # for the model: the files in fences, and a line for each that was not read, was cut or cannot be seen
    pictures: tuple[Picture, ...]  # for a model that sees
    notice: Sentence  # for the person: what was not read and why, and what was cut
    unseen: tuple[str, ...] = ()  # safe names of pictures that this model cannot see


def fitted(files: Sequence[tuple[str, Contents]], room: int, *, sees: bool) -> Fitted:
    """The files in at most `room` characters."""
    texts = tuple(TextFile(safe_name(name), one.text) for name, one in files if one.text)
    unread = tuple((safe_name(name), one.refusal) for name, one in files if one.refusal)
    text, notice = Files(texts, unread).fitted(room)
    pictures = tuple(picture for _, one in files for picture in one.pictures)
    unseen = tuple(safe_name(name) for name, one in files if one.pictures and not sees)
    return Fitted(text, pictures if sees else (), notice, unseen)


__all__ = ["Fitted", "fitted", "safe_name"]
