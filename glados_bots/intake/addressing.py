"""What counts as a question to the bot, and how words name their speaker. Every platform with groups uses this."""

import unicodedata

YOUNG_S = 3600.0  # the oldest message that an edit can turn into a question
_UNSEEN_KINDS = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
# Letters, marks and symbols without a visible form: joiners, Hangul and Khmer fillers, an empty Braille cell.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")


def is_after_joining(written: float, joined: float | None) -> bool:
    """Whether a message was written after the bot joined its thread. Earlier messages were not meant for the bot.

    The bot joins with its first accepted question in a thread, by an invitation, or by opening the thread.

    Args:
        written: when the message was written, as an id or a time that grows from message to message.
        joined: when the bot joined, in the same measure; None if it has not.
    """
    return joined is not None and written > joined


def is_asked_by_edit(*, was_named: bool, is_named: bool, age_s: float, written: float, joined: float | None) -> bool:
    """Whether an edit turns a message into a question.

    Args:
        was_named: whether the message named the bot before the edit.
        is_named: whether the message names the bot now.
        age_s: seconds between the message and its edit.
        written: as for `is_after_joining`.
        joined: as for `is_after_joining`; None if the bot need not join or has not joined.
    """
    is_early = joined is not None and not is_after_joining(written, joined)
    return is_named and not was_named and age_s <= YOUNG_S and not is_early


def is_nothing(text: str) -> bool:
    """Whether a reader sees nothing of a text: it is empty, or has only white space and invisible characters."""
    return all(_is_unseen(character) for character in text)


def named(name: str, text: str) -> str:
    """A text with its speaker's name on every line, so that no line looks like another person's words.

    An empty name leaves the text unchanged.
    """
    name = " ".join(name.split())
    return "\n".join(f"{name}: {line}" for line in text.splitlines() or [""]) if name else text


def _is_unseen(character: str) -> bool:
    is_selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return is_selector or character in _UNSEEN or unicodedata.category(character) in _UNSEEN_KINDS
