"""What Slack's refusals mean for an answer, and telling the person who waits for it."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from glados_bots.background import Background
from glados_bots.conversation import Turn
from glados_bots.surface import MessageGoneError, PlaceGoneError, PlatformAwayError
from glados_bots.wording.sentence import NOTHING, Sentence, say
from glados_slack.connection.calls import Calls, RefusedError
from glados_slack.connection.standing import find

log = logging.getLogger(__name__)

DELETED = "message_not_found"
# The message is not there, or may not be changed any more: say it in a new one.
GONE = frozenset({DELETED, "cant_update_message", "edit_window_closed"})
# About the form of a message.
TOO_MUCH = frozenset(
    "msg_too_long msg_blocks_too_long msg_blocks_too_many invalid_blocks invalid_blocks_format block_mismatch".split()
)
# Why nobody can be answered in a place.
CLOSED = {
    "not_in_channel": say("slack-not-in-channel"),
    "channel_not_found": say("slack-not-visible"),
    "thread_not_found": say("slack-thread-gone"),
    "missing_scope": say("slack-no-right"),
    "messages_tab_disabled": say("slack-no-direct"),
    "cannot_dm_bot": say("slack-bot"),
    "user_disabled": say("slack-disabled"),
    **dict.fromkeys(("is_archived", "is_inactive"), say("slack-archived")),
    **dict.fromkeys(("cannot_reply_to_message", "invalid_thread_ts"), say("slack-message-gone")),
    **dict.fromkeys(
        (
            "restricted_action", "user_is_restricted", "no_permission", "access_denied", "ekm_access_denied",
            "team_access_not_granted",
        ),
        say("slack-not-allowed"),
    ),
}  # fmt: skip


def why_closed(code: str) -> Sentence:
    """The reason for people; nothing when the refusal is about something else."""
    return CLOSED["restricted_action"] if code.startswith("restricted_action") else CLOSED.get(code, NOTHING)


class Refusals:
    """Turns refusals into what the core knows, and tells each person once."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._background = Background()
        self._told: deque[str] = deque(maxlen=1000)  # turns whose asker knows: two calls of one may be refused at once

    @contextmanager
    def sorted_out(self, turn: Turn) -> Iterator[None]:
        """Raise MessageGoneError or PlaceGoneError for refusals that are final."""
        try:
            yield
        except RefusedError as error:
            if error.code in GONE:
                raise MessageGoneError(error.code) from error
            reason = why_closed(error.code)
            if not reason:
                raise
            log.warning("turn %s: %s", turn.id, error)
            if turn.id not in self._told:
                self._told.append(turn.id)
                self._background.start(self._tell(turn, reason))
            raise PlaceGoneError(error.code) from error

    async def _tell(self, turn: Turn, reason: Sentence) -> None:
        """Say it where only the asker sees it, or else in a direct message; not to who has deleted the question."""
        if await self._is_gone(turn):
            return
        text = say("could-not-answer-you", reason=reason).in_language(turn.language)
        where = {"channel": turn.place["channel"], "user": turn.author, "text": text}
        if turn.place["kind"] != "im" and await self._calls.quietly(turn.place, "chat.postEphemeral", **where):
            return
        await self._calls.quietly(turn.place, "chat.postMessage", channel=turn.author, text=text)

    async def _is_gone(self, turn: Turn) -> bool:
        """Whether the question does not stand any more; its deletion may be heard of later."""
        try:
            return await find(self._calls, turn.place) is None
        except (RefusedError, PlatformAwayError, PlaceGoneError):
            return False
