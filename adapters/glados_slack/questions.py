"""Whether a message asks the bot: one rule, on plain data, for live events, edits, and what is found after a gap.

A question is a direct message, mentions the bot, or stands in a thread that the bot had joined before: what people said
to each other until then was not said to the bot, however late it is heard of. An edit makes young messages questions.
"""

from dataclasses import dataclass
from typing import Literal

from glados_slack.places import Event
from glados_slack.said import said
from glados_slack.text_in import is_for_others, mentions

Reason = Literal["direct", "mention", "thread"]

ASKING = frozenset({"", "file_share", "thread_broadcast", "me_message"})  # subtypes in which people say something
YOUNG_S = 3600.0  # an edit makes no question of what is older


@dataclass(frozen=True, slots=True)
class Edit:
    """How a message came to be what it is.

    Attributes:
        at: when it was edited, as Slack's timestamp.
        before: the message as it was; None where Slack does not tell.
    """

    at: str
    before: Event | None = None


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
    """Whether a message asks the bot.

    Args:
        event: the message.
        bot: the bot's user id.
        joined: when the bot has joined the message's thread, as Slack's timestamp; empty when it has not.
        edit: what made the message so, if it was not written so. Its own event may still be on its way: an edit that
            is heard first asks, too.
    """
    match addressed(event, bot):
        case "direct":
            return edit is None or _is_young(event, edit)
        case "mention":
            return edit is None or (joined < event.ts and _is_young(event, edit))
        case "thread":
            return edit is None and "" < joined < event.ts
        case None:
            return False


def _is_young(event: Event, edit: Edit) -> bool:
    return seconds_between(event.ts, edit.at) < YOUNG_S


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
    return was.words != is_now.words or (now.edited != edit.before.edited and was.others != is_now.others)


def seconds_between(earlier: str, later: str) -> float:
    """Slack's timestamps are text; infinitely many between those that are no numbers."""
    try:
        return float(later) - float(earlier)
    except ValueError:
        return float("inf")
