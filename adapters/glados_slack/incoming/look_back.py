"""Channels and threads as Slack shows them now, handed to the desk as if their events had just come.

The desk takes a question in once, however often it hears of it. So reading too much does no harm.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from glados_slack.connection.budgets import looking_back
from glados_slack.connection.calls import LimitedError, NotSentError, RefusedError, UnknownOutcomeError
from glados_slack.connection.paging import Message, all_pages
from glados_slack.connection.places import conversation_of, message_id
from glados_slack.connection.standing import find
from glados_slack.incoming.desk import SlackDesk
from glados_slack.incoming.facts import Channel
from glados_slack.incoming.shared import SlackShared

log = logging.getLogger(__name__)

PAGE, MOST_PAGES = 200, 10
TRIES = 4  # of a call, before all of it is put off
STREAM = "catch-up"
SETTLED_S = 10.0  # a question so young may not be everywhere at Slack yet
Asked = Mapping[str, float]


class LookBack:
    """Reads. Methods raise StoreUnavailableError, PlatformAwayError: then it is to be done again."""

    def __init__(self, shared: SlackShared, desk: SlackDesk) -> None:
        self._calls = shared.calls
        self._facts = shared.facts
        self._desk = desk

    async def channel(self, channel: Channel, asked: Mapping[str, Asked], since_s: float) -> set[str]:
        """Hand in what was asked in a channel since then; returns threads on new messages with something new in them.

        `asked`: by thread, the questions that are known.
        """
        found = await self._read(channel, "conversations.history", oldest=f"{since_s:.6f}")
        for message in found:
            thread = conversation_of(channel.id, str(message.get("thread_ts") or message["ts"]))
            await self._hand(channel, message, asked.get(thread, {}), since_s)
        return {str(one["ts"]) for one in found if float(one.get("latest_reply") or 0) > since_s}

    async def thread(self, channel: Channel, thread: str, asked: Asked, since_s: float) -> None:
        """Hand in what was asked in a thread since then, and which of its known questions were changed or deleted."""
        oldest = min([*asked, f"{since_s:.6f}"], key=float)
        try:
            found = await self._read(channel, "conversations.replies", ts=thread, oldest=oldest, inclusive=True)
        except RefusedError as error:
            if error.code != "thread_not_found":
                raise
            found = []
        stand = {str(one["ts"]) for one in found if one.get("subtype") != "tombstone"}
        for ts, at in asked.items():
            if ts not in stand and time.time() - at > SETTLED_S:
                await self._perhaps_gone(channel, thread, ts)
        for message in found:
            await self._hand(channel, message, asked, since_s)

    async def _perhaps_gone(self, channel: Channel, thread: str, ts: str) -> None:
        if await find(self._calls, _place(channel, thread, ts)) is None:
            log.info("turn %s: its question was deleted in a gap", message_id(channel.id, ts))
            await self._tell(channel, {"type": "message", "subtype": "message_deleted", "deleted_ts": ts})
            await self._facts.drop_asked(channel.id, thread, ts)

    async def _hand(self, channel: Channel, message: Message, asked: Asked, since_s: float) -> None:
        """A question that was missed, or an edit of a known one; neither is told twice to no purpose."""
        ts, edited = str(message["ts"]), str((message.get("edited") or {}).get("ts") or 0)
        if float(ts) > since_s and ts not in asked:
            await self._tell(channel, message)
        if float(edited) > since_s:
            told = {"type": "message", "subtype": "message_changed", "message": message, "ts": edited}
            await self._tell(channel, told)

    async def _tell(self, channel: Channel, event: Message) -> None:
        await self._desk.take_message(channel.event(event), await self._calls.install(_place(channel)))

    async def _read(self, channel: Channel, method: str, **args: Any) -> list[Message]:

        async def page(cursor: str | None) -> Any:
            return await self._call(_place(channel), method, limit=PAGE, cursor=cursor, **args)

        found, are_all = await all_pages(page, MOST_PAGES)
        if not are_all:
            log.warning("more was written in channel %s than is looked at", channel.id)
        return sorted(found, key=lambda one: str(one["ts"]))

    async def _call(self, place: Mapping[str, str], method: str, **args: Any) -> Any:
        """A call that may be repeated: it only reads."""
        limits, left = looking_back(place["team"], method), TRIES
        while True:
            await self._calls.wait(limits, STREAM)
            try:
                return await self._calls(place, method, limits, channel=place["channel"], **args)
            except LimitedError:
                pass
            except (NotSentError, UnknownOutcomeError):
                left -= 1
                if not left:
                    raise


def _place(channel: Channel, thread: str = "", ts: str = "") -> dict[str, str]:
    team = {"team": channel.team, "enterprise": channel.enterprise}
    return {**team, "channel": channel.id, "thread": thread, "ts": ts}
