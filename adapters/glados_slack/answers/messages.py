"""One message of ours: made, changed, its stream stopped, deleted. Each call waits for its budget."""

import logging
from collections.abc import Iterator

from glados_bots.conversation import Turn
from glados_bots.surface import View
from glados_bots.wording.sentence import say
from glados_slack.answers.look import content, is_final, plainer, plainest
from glados_slack.answers.posting import metadata
from glados_slack.answers.refusals import DELETED, GONE, TOO_MUCH, why_closed
from glados_slack.answers.sessions import AgentSessions
from glados_slack.answers.streams import Streams
from glados_slack.connection.budgets import budget, new_messages
from glados_slack.connection.calls import Calls, LimitedError, RefusedError

log = logging.getLogger(__name__)


class Messages:
    """Messages in the threads of turns, named by their timestamps. Methods raise what `Calls` raises."""

    def __init__(self, calls: Calls, streams: Streams, sessions: AgentSessions) -> None:
        self._calls = calls
        self._streams = streams
        self._sessions = sessions

    async def send(self, turn: Turn, view: View, nonce: str, *, is_notice: bool) -> str:
        place = turn.place
        limits = new_messages(place["team"], place["channel"])
        for arguments in _degraded(turn, view):
            await self._calls.wait(limits, turn.id)
            try:
                made = await self._calls(
                    place, "chat.postMessage", limits, channel=place["channel"], thread_ts=place["thread"],
                    metadata=metadata(nonce, is_notice=is_notice), **arguments,
                )  # fmt: skip
            except RefusedError as error:
                _complain(turn, error)
            else:
                return str(made["ts"])
        raise RefusedError("chat.postMessage", "invalid_blocks")

    async def update(self, turn: Turn, ts: str, view: View, *, is_granted: bool) -> None:
        """Write the whole message again. To repeat that is harmless."""
        for arguments in _degraded(turn, view):
            while True:
                if not is_granted:
                    await self._calls.wait(budget(turn.place["team"], "chat.update"), turn.id)
                is_granted = False
                try:
                    await self._rewrite(turn, ts, **arguments)
                except RefusedError as error:
                    if error.code == "streaming_state_conflict":  # another process began it, and died
                        await self.stop(turn, ts)
                        continue
                    _complain(turn, error)
                    break
                except LimitedError:
                    if not is_final(view):
                        raise
                else:
                    return
        raise RefusedError("chat.update", "invalid_blocks")

    async def update_notice(self, turn: Turn, ts: str, view: View) -> None:
        """Change the notice of a waiting question; its budget was asked before."""
        await self._rewrite(turn, ts, **content(turn, view))

    async def stop(self, turn: Turn, ts: str) -> None:
        """Stop a message's stream, whoever began it."""
        try:
            is_told = await self._streams.stop(turn, ts, self._sessions.ending(turn))
        except RefusedError as error:
            if error.code not in GONE and error.code != "message_not_owned_by_app":
                raise
            is_told = False
        if is_told:
            await self._sessions.end(turn, is_told=True)

    async def delete(self, turn: Turn, ts: str, *, is_open: bool) -> None:
        """Take a message away. A stream must be stopped first, whoever began it: Slack deletes none that is open.

        Raises what keeps the message where it is: that it cannot be deleted does not mean that it is gone.
        """
        if not is_open and await self._deletes(turn, ts):
            return
        await self.stop(turn, ts)
        if not await self._deletes(turn, ts):  # such as where compliance exports forbid it
            log.warning("turn %s: Slack does not delete a message; its words are taken away", turn.id)
            await self._calls.wait(budget(turn.place["team"], "chat.update"), turn.id)
            await self._rewrite(turn, ts, blocks=[], text=say("removed").in_language(turn.language))

    async def _deletes(self, turn: Turn, ts: str) -> bool:
        """Whether the message is gone now; False when Slack refuses to delete it as it is."""
        await self._calls.wait(budget(turn.place["team"], "chat.delete"), turn.id)
        try:
            await self._calls(turn.place, "chat.delete", channel=turn.place["channel"], ts=ts)
        except RefusedError as error:
            if why_closed(error.code):
                raise
            return error.code == DELETED
        return True

    async def _rewrite(self, turn: Turn, ts: str, **arguments: object) -> None:
        await self._calls(turn.place, "chat.update", channel=turn.place["channel"], ts=ts, **arguments)


def _complain(turn: Turn, error: RefusedError) -> None:
    """Let a message be tried in a plainer form, if it was about its form; else raise."""
    if error.code not in TOO_MUCH:
        raise error
    log.warning("turn %s: Slack refuses the message as it is (%s); a plainer one is tried", turn.id, error.code)


def _degraded(turn: Turn, view: View) -> Iterator[dict[str, object]]:
    """The message as it should be, and then in plainer clothes."""
    yield content(turn, view)
    yield plainer(turn, view)
    yield plainest(turn, view)
