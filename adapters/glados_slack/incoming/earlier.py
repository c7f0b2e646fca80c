"""What others said in a thread before the bot was called into it: quoted before the question."""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from glados_bots.conversation import Attachment, Turn
from glados_slack.connection.attachments import earlier, earlier_of
from glados_slack.connection.budgets import budget
from glados_slack.connection.installs import Install
from glados_slack.connection.paging import Message, all_pages
from glados_slack.connection.places import Event, conversation_of
from glados_slack.incoming.addressing import addressed
from glados_slack.incoming.shared import SlackShared
from glados_slack.words.reading import Reader

log = logging.getLogger(__name__)

METHOD = "conversations.replies"
EARLIER = "Earlier in this thread:\n{lines}\n\n"
_EARLIER = re.compile(r"\AEarlier in this thread:\n(?:>.*\n)+\n")
EARLIER_CHARS = 6_000
PAGE, MOST_PAGES = 1_000, 5
PATIENCE_FOR_EARLIER_S = 1.0  # Slack waits three seconds for the whole event


def quoted_in(text: str) -> str:
    """The quotation that a question begins with, if any."""
    found = _EARLIER.match(text)
    return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class Before:
    """What stands before the words of a question."""

    words: str = ""
    files: tuple[Attachment, ...] = ()  # the newest first

    @classmethod
    def of(cls, turn: Turn) -> Self:
        """What a question began with when it was saved."""
        return cls(quoted_in(turn.text), earlier_of(turn.attachments))


class Earlier:
    """Reads threads."""

    def __init__(self, shared: SlackShared) -> None:
        self._calls = shared.calls
        self._marks = shared.core.marks
        self._most = shared.settings.thread_context

    async def read(self, event: Event, install: Install, place: Mapping[str, str], reader: Reader) -> Before:
        """What others said in a thread before we were called into it, with their files, where Slack lets us read it."""
        if not self._most or event.thread == event.ts or event.kind == "im":
            return Before()
        if await self._marks.joined(conversation_of(event.channel, event.thread)):
            return Before()
        where = {"channel": event.channel, "channel_type": event.kind}
        found = [Event.of(event.body, {**message, **where}) for message in await self._newest(event, place)]
        # What mentions us is a question of its own, though its event may come later than this one.
        told = [one for one in found if one.ts != event.ts and addressed(one, install.bot_user) != "mention"]
        await reader.know(one.user for one in told)
        newest = _last([line for one in told for line in await reader.quoted(one)])
        files = [
            file for one in reversed(told) if await reader.answers(one) for file in await reader.attachments(one.data)
        ]
        return Before(EARLIER.format(lines="\n".join(newest)) if newest else "", earlier(files))

    async def _newest(self, event: Event, place: Mapping[str, str]) -> list[Message]:
        """The newest messages before the question; none where not all of the thread can be read, as they come last."""

        async def page(cursor: str | None) -> Any:
            if not await self._calls.may(budget(place["team"], METHOD), event.channel):
                return None
            return await self._calls.quietly(
                place, METHOD, channel=event.channel, ts=event.thread, latest=event.ts, limit=PAGE, cursor=cursor
            )

        try:
            async with asyncio.timeout(PATIENCE_FOR_EARLIER_S):
                found, are_all = await all_pages(page, MOST_PAGES)
        except TimeoutError:
            return []
        if found and not are_all:
            log.info("thread %s of channel %s is too long to be read", event.thread, event.channel)
        return sorted(found, key=lambda one: str(one["ts"]))[-self._most :] if are_all else []


def _last(lines: list[str]) -> list[str]:
    """As many of the last lines as have room."""
    room, first = EARLIER_CHARS, len(lines)
    while first and room >= len(lines[first - 1]):
        first -= 1
        room -= len(lines[first]) + 1
    return lines[first:]
