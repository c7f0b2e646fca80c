"""Whether a message is meant for the bot: no call to Discord or Redis.

Discord tells a bot of every message it can see. A question is one that mentions it (as a user, by nickname, by the role
Discord made for it, or by the ping of a reply), replies to it, is a direct message, or stands in a thread that the bot
takes part in.
"""

from typing import Literal

from glados_bots.intake.addressing import is_after_joining, is_asked_by_edit
from glados_discord.words.heard import Heard

Reason = Literal["mention", "reply", "direct", "thread"]
Follow = Literal["joined", "own", "none"]


def addressed(heard: Heard, follow: Follow, joined: int | None = None) -> Reason | None:
    """Why a message is meant for the bot, or None when it is not. `@everyone` means nobody in particular.

    `follow` says in which threads no mention is needed, `joined` with which message or event the bot joined this one.
    """
    if not heard.is_from_person or not heard.is_placed:  # a server we were not told of yet: that is found later
        return None
    if heard.is_direct:
        return "direct"
    if heard.is_named:
        return "mention"
    if heard.is_reply_to_us:
        return "reply"
    return "thread" if not heard.is_for_others and _takes_part(heard, follow, joined) else None


def asks_by_edit(heard: Heard, before: Heard | None, joined: int | None) -> bool:
    """Whether a message that was no question is one since it was edited; `before` is None where that is not known."""
    return is_asked_by_edit(
        was_named=before is not None and before.is_named,
        is_named=heard.is_named,
        age_s=heard.age_s,
        written=heard.id,
        joined=None if heard.is_thread_ours else _first(heard.joined, joined),
    )


def _takes_part(heard: Heard, follow: Follow, joined: int | None) -> bool:
    """Whether the message stands in a thread where no mention was needed when it was written.

    A mention makes Discord add the bot to a thread, and discord.py may know so before it hands over the messages that
    stand above the mention. Nobody said those to the bot.
    """
    if not heard.is_in_thread or follow == "none":
        return False
    if heard.is_thread_ours or follow == "own":
        return heard.is_thread_ours
    return is_after_joining(heard.id, _first(heard.joined, joined))


def _first(*joined: int | None) -> int | None:
    return min((one for one in joined if one is not None), default=None)
