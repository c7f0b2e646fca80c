"""Decides whether a message is meant for the bot, without a call to Discord or Redis.

Discord sends a bot every message that it can see. A question is a message that mentions the bot (as a user, by
nickname, by the role that Discord made for it, or by the ping of a reply), replies to it, is a direct message, or
stands in a thread that the bot takes part in.
"""

from typing import Literal

from glados_bots.intake.addressing import is_after_joining, is_asked_by_edit
from glados_discord.words.heard import Heard

Reason = Literal["mention", "reply", "direct", "thread"]
Follow = Literal["joined", "own", "none"]


def addressed(heard: Heard, follow: Follow, joined: int | None = None) -> Reason | None:
    """Why a message is meant for the bot; None if it is not. `@everyone` means nobody in particular.

    `follow` says in which threads a question needs no mention. `joined` is the id with which the bot joined this one.
    """
    if not heard.is_from_person or not heard.is_placed:  # an unknown server: `catch_up.py` finds the message later
        return None
    if heard.is_direct:
        return "direct"
    if heard.is_named:
        return "mention"
    if heard.is_reply_to_us:
        return "reply"
    return "thread" if not heard.is_for_others and _takes_part(heard, follow, joined) else None


def asks_by_edit(heard: Heard, before: Heard | None, joined: int | None) -> bool:
    """Whether an edit turned a message into a question. `before` is the message before it, or None if not known."""
    return is_asked_by_edit(
        was_named=before is not None and before.is_named,
        is_named=heard.is_named,
        age_s=heard.age_s,
        written=heard.id,
        joined=None if heard.is_thread_ours else _first(heard.joined, joined),
    )


def _takes_part(heard: Heard, follow: Follow, joined: int | None) -> bool:
    """Whether the message stands in a thread where it needed no mention when it was written.

    A mention makes Discord add the bot to a thread. discord.py may know that before it passes on the messages above the
    mention. Those were not meant for the bot.
    """
    if not heard.is_in_thread or follow == "none":
        return False
    if heard.is_thread_ours or follow == "own":
        return heard.is_thread_ours
    return is_after_joining(heard.id, _first(heard.joined, joined))


def _first(*joined: int | None) -> int | None:
    return min((one for one in joined if one is not None), default=None)
