"""What others said in a thread before the bot was called into it: quoted before the question."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from glados_bots.addressing import named
from glados_bots.store import ask
from glados_slack.budgets import budget
from glados_slack.installs import Install
from glados_slack.places import Event, conversation_of
from glados_slack.shared import Shared
from glados_slack.text_in import mentions, read

EARLIER = "Earlier in this thread:\n{lines}\n\n"
_EARLIER = re.compile(r"\AEarlier in this thread:\n(?:>.*\n)+\n")
EARLIER_CHARS = 6_000
LONGEST_THREAD = 1_000  # messages of a thread that are asked for: Slack tells the oldest first, and has no other order
LONGEST_S = 1.0  # Slack waits three seconds for the whole event


def quoted_in(text: str) -> str:
    """The quotation that a question begins with, if any."""
    found = _EARLIER.match(text)
    return found[0] if found else ""


class Earlier:
    """Reads threads."""

    def __init__(self, shared: Shared) -> None:
        self._core = shared.core
        self._calls = shared.calls
        self._people = shared.people
        self._settings = shared.settings

    async def read(self, event: Event, install: Install, place: Mapping[str, str]) -> str:
        """What others said in a thread before we were called into it, where Slack lets us read that."""
        most = self._settings.thread_context
        conversation = conversation_of(event.channel, event.thread)
        if not most or event.thread == event.ts or event.kind == "im":
            return ""
        known = f"{self._core.store.prefix}in:{conversation}"
        if await ask(self._core.store.client.exists(known)):
            return ""
        method = "conversations.replies"
        if not await self._calls.may(budget(place["team"], method), event.channel):
            return ""
        try:
            async with asyncio.timeout(LONGEST_S):
                found = await self._calls.quietly(
                    place, method, channel=event.channel, ts=event.thread, latest=event.ts, limit=LONGEST_THREAD
                )
        except TimeoutError:
            return ""
        return await self._quoted(found["messages"][-most:] if found else [], event, install, place)

    async def _quoted(
        self, messages: list[dict[str, Any]], event: Event, install: Install, place: Mapping[str, str]
    ) -> str:
        async def name(some_id: str) -> str:
            return await self._people.name(place, some_id)

        lines: list[str] = []
        for one in messages:
            # What mentions us is a question of its own, though its event may come later than this one.
            if one.get("ts") == event.ts or not one.get("text") or install.bot_user in mentions(str(one["text"])):
                continue
            who = await name(str(one["user"])) if one.get("user") else str(one.get("username") or "a bot")
            text = await read(str(one["text"]), install.bot_user, install.bot_name, name)
            lines += [f"> {line}" for line in named(who, text).splitlines()]
        while lines and len("\n".join(lines)) > EARLIER_CHARS:
            lines.pop(0)
        return EARLIER.format(lines="\n".join(lines)) if lines else ""
