"""Whether a message asks the bot: one rule, on plain data, for live events, edits, and what is found after a gap.

A question is a direct message, mentions the bot, or stands in a thread that the bot had joined before: what people said
to each other until then was not said to the bot, however late it is heard of. An edit makes young messages questions.
"""

from dataclasses import dataclass
from typing import Literal

from glados_bots.intake.addressing import is_after_joining, is_asked_by_edit
from glados_slack.connection.attachments import files_of
from glados_slack.connection.places import Event, seconds
from glados_slack.words.said import said
from glados_slack.words.text import is_for_others, mentions

Reason = Literal["direct", "mention", "thread"]

ASKING = frozenset({"", "file_share", "thread_broadcast", "me_message"})  # subtypes in which people say something


@dataclass(frozen=True, slots=True)
class Edit:
    """How a message came to be what it is."""

    at: str  # when it was edited, as Slack's timestamp
    before: Event | None = None  # the message as it was; None where Slack does not tell


def is_from_person(event: Event, bot: str) -> bool:
    """Neither a program, this bot included, nor Slack itself."""
    return event.subtype in ASKING and not event.is_from_bot and event.user not in {"", "USLACKBOT", bot}


def addressed(event: Event, bot: str) -> Reason | None:
    """Why a message may be meant for the bot, or None. In a thread it is only if the bot has joined that."""
    if not is_from_person(event, bot):
        return None
    if event.kind == "im":
        return "direct"
    words = said(event.data).words
    if event.type == "app_mention" or bot in mentions(words):
        return "mention"
    return None if event.thread == event.ts or is_for_others(words, bot) else "thread"


def is_question(event: Event, bot: str, joined: str, edit: Edit | None = None) -> bool:
    """Whether a message asks the bot, as it was written or as an edit has made it.

    `joined` is when the bot has joined the message's thread, as Slack's timestamp; empty when it has not.
    """
    reason, written, since = addressed(event, bot), seconds(event.ts), seconds(joined) if joined else None
    if edit is None:
        return reason in {"direct", "mention"} or (reason == "thread" and is_after_joining(written, since))
    # A mention that was there before and asked nothing was refused, or its event is on its way: it is not answered yet.
    return is_asked_by_edit(
        was_named=False, is_named=reason in {"direct", "mention"}, age_s=seconds(edit.at) - written, written=written,
        joined=None if reason == "direct" else since,
    )  # fmt: skip


def _files(event: Event) -> set[str]:
    return {file.id for file in files_of(event.data)}


def is_edit(now: Event, bot: str, edit: Edit) -> bool:
    """Whether a change may be one of a person's words: previews, pins and reactions are told in the same way.

    Where Slack leaves out how the message was, only the text that was kept can tell, and a message that nobody has ever
    edited is none.
    """
    if not is_from_person(now, bot):
        return False
    if edit.before is None:
        return bool(now.edited)
    was, is_now = said(edit.before.data), said(now.data)
    if _files(edit.before) != _files(now):
        return True
    return was.words != is_now.words or (now.edited != edit.before.edited and was.others != is_now.others)
