"""Slack's native streams: a message that grows by appends. Each has one writer, the task that shows its turn.

Appends cannot be taken back and have no key, so only text that two drawings agree on is appended, and an append whose
outcome is not known is never repeated: the stream is stopped, and the whole text takes its place by chat.update.
Slack ends streams by itself about five minutes after their start; they are stopped before.
"""

import logging
import time
from dataclasses import dataclass, field

from glados_bots.conversation import Turn
from glados_slack.answers.answer import Chunk
from glados_slack.answers.look import stop_button
from glados_slack.answers.refusals import why_closed
from glados_slack.connection.budgets import budget, new_streams
from glados_slack.connection.calls import Calls, LimitedError, NotSentError, RefusedError, UnknownOutcomeError

log = logging.getLogger(__name__)

LIFE_S = 240.0  # Slack: about 300, it does not say
MOST_STOPS = 5
_OVER = frozenset({"message_not_in_streaming_state", "stopped_by_user"})
# What refuses streams to these people or in this place, though messages are taken.
NO_STREAMS = frozenset(
    "missing_recipient_user_id missing_recipient_team_id team_not_found user_not_found team_access_not_granted "
    "channel_type_not_supported unknown_method feature_disabled not_allowed method_not_supported_for_channel_type "
    "invalid_recipient".split()
)


@dataclass(slots=True)
class LiveStream:
    """A stream this process writes."""

    ts: str  # the message
    shown: str  # text that Slack has
    drawn: str  # newest drawing, of which `shown` is the beginning
    # When it is to be stopped, by the monotonic clock
    ends_at: float = field(default_factory=lambda: time.monotonic() + LIFE_S)


class StreamOverError(Exception):
    """The stream accepts no more text: updates continue the message."""

    def __init__(self, reason: str, *, by_user: bool = False) -> None:
        super().__init__(reason)
        self.by_user = by_user  # a person pressed stop


class Streams:
    """Starts, feeds and stops streams."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._refused: set[tuple[str, str]] = set()
        self._no_buttons: set[str] = set()

    async def start(self, turn: Turn, chunk: Chunk, *, has_stop: bool) -> LiveStream | None:
        """Begin a stream; None where none can be had, and a message must do.

        Args:
            turn: whose answer it is.
            chunk: what to say first.
            has_stop: whether Slack shows a stop button of its own.

        Raises what `Calls` raises for reasons that are not about streams.
        """
        place = turn.place
        if (place["channel"], place["user_team"]) in self._refused:
            return None
        if not await self._calls.may(new_streams(place["team"]), turn.id):
            return None
        text = _opening(chunk.markdown)
        chunks: list[dict[str, object]] = [{"type": "markdown_text", "text": text}]
        with_button = not has_stop and place["team"] not in self._no_buttons
        if with_button:
            chunks.insert(0, {"type": "blocks", "blocks": [stop_button(turn)]})
        try:
            made = await self._start(turn, chunks)
        except LimitedError as error:
            log.info("turn %s: no stream now: %s", turn.id, error)
            return None
        except RefusedError as error:
            if error.code in NO_STREAMS:
                self._refused.add((place["channel"], place["user_team"]))
            elif why_closed(error.code):
                raise
            elif with_button and error.code.startswith("invalid_"):
                self._no_buttons.add(place["team"])
            log.warning("turn %s: no stream here: %s", turn.id, error)
            return None
        return LiveStream(made, text, chunk.markdown)

    async def _start(self, turn: Turn, chunks: list[dict[str, object]]) -> str:
        place = turn.place
        recipient = {} if place["kind"] == "im" else {
            "recipient_user_id": turn.author,
            "recipient_team_id": place["user_team"] or place["team"],
        }  # fmt: skip
        made = await self._calls(
            place, "chat.startStream", channel=place["channel"], thread_ts=place["thread"], chunks=chunks, **recipient
        )
        return str(made["ts"])

    async def append(self, turn: Turn, live: LiveStream, chunk: Chunk) -> None:
        """Add what is new and settled.

        Raises:
            StreamOverError: it takes no more, or its text is another now.
            LimitedError, PlaceGoneError: as `Calls`.
        """
        if time.monotonic() > live.ends_at:
            raise StreamOverError("it is old")
        if chunk.markdown == live.drawn:
            return  # it says nothing new of what is settled
        settled = _common(live.drawn, chunk.markdown)
        live.drawn = chunk.markdown
        if live.shown.startswith(settled):
            return
        if not settled.startswith(live.shown):
            raise StreamOverError("its text has changed")
        news = settled[len(live.shown) :].rstrip()
        if not news:
            return
        try:
            await self._calls(
                turn.place, "chat.appendStream", channel=turn.place["channel"], ts=live.ts,
                chunks=[{"type": "markdown_text", "text": news}],
            )  # fmt: skip
        except RefusedError as error:
            raise StreamOverError(error.code, by_user=error.code == "stopped_by_user") from error
        except UnknownOutcomeError as error:
            raise StreamOverError(str(error)) from error
        except NotSentError:
            return
        live.shown += news

    async def stop(self, turn: Turn, ts: str, session: str | None) -> bool:
        """End a stream, whoever began it, whether or not it still runs; True when Slack took the session's state.

        Raises RefusedError for what is wrong with the message itself, and PlaceGoneError.
        """
        for attempt in range(1, MOST_STOPS + 1):
            await self._calls.wait(budget(turn.place["team"], "chat.stopStream"), turn.id)
            try:
                await self._calls(
                    turn.place, "chat.stopStream", channel=turn.place["channel"], ts=ts, session_status=session
                )
            except RefusedError as error:
                if error.code in _OVER:
                    return False
                raise
            except LimitedError:
                continue  # the budget is closed now: the next wait is as long as Slack said
            except (NotSentError, UnknownOutcomeError):
                if attempt == MOST_STOPS:
                    raise
            else:
                return True
        return False


def _opening(drawn: str) -> str:
    """A first drawing without what closes, at its end, what may still grow: a fence, a style, an empty item."""
    return drawn.rstrip("`*~\n \u200b") or drawn


def _common(before: str, now: str) -> str:
    if now.startswith(before):
        return before
    return before[: next((i for i, pair in enumerate(zip(before, now, strict=False)) if pair[0] != pair[1]), len(now))]
