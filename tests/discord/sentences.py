"""Sentences of the catalogue as tests compare them."""

from glados_bots.wording.catalogue import template
from glados_bots.wording.languages import ENGLISH
from glados_bots.wording.sentence import Sentence, say


def beginning(name: str, language: str = ENGLISH) -> str:
    """The words of a sentence before its first field, for one whose figures a test does not know."""
    return template(name, language).partition("{")[0]


def not_read(file: str, reason: str = "file-damaged") -> Sentence:
    return say("not-read", files=(say("file-unread", name=file, reason=say(reason)),))


def unread(file: str, reason: str = "file-damaged") -> str:
    """What a person and the model are told of a file that was not read, in English."""
    return str(not_read(file, reason))
