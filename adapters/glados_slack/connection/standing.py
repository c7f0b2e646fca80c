"""Whether a question still stands, and how: asked of Slack where its deletion or an edit of it may have been missed."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from glados_bots.surface import PlaceGoneError, PlatformAwayError
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls, RefusedError
from glados_slack.connection.heard_changes import HeardChanges
from glados_slack.connection.places import Event, message_id, seconds

log = logging.getLogger(__name__)

METHOD = "conversations.replies"
LATE_S = 30.0
PATIENCE_FOR_STANDING_S = 1.0  # Slack waits three seconds for the whole event


def is_late(event: Event) -> bool:
    """Whether a message's event was lost when it came first: then those of its changes may be lost for good."""
    return time.time() - seconds(event.ts) > LATE_S


async def find(calls: Calls, place: Mapping[str, str]) -> dict[str, Any] | None:
    """The message at a place as it is now; None when it is gone. Raises RefusedError, PlatformAwayError."""
    await calls.wait(budget(place["team"], METHOD), place["channel"])
    try:
        found = await calls(
            place, METHOD, channel=place["channel"], ts=place["thread"], oldest=place["ts"], latest=place["ts"],
            inclusive=True,
        )  # fmt: skip
    except RefusedError as error:
        if error.code != "thread_not_found":
            raise
        return None
    stand = (one for one in found["messages"] if one["ts"] == place["ts"] and one.get("subtype") != "tombstone")
    return next(stand, None)


class Standing:
    """Looks at messages of late events."""

    def __init__(self, calls: Calls, changes: HeardChanges) -> None:
        self._calls = calls
        self._changes = changes

    async def now(self, event: Event, place: Mapping[str, str]) -> Event | None:
        """A message with what it says now; None when it is gone. As it came, where Slack does not tell."""
        name = message_id(event.channel, event.ts)
        try:
            async with asyncio.timeout(PATIENCE_FOR_STANDING_S):
                found = await find(self._calls, place)
        except (TimeoutError, RefusedError, PlatformAwayError, PlaceGoneError) as error:
            log.info("message %s of a late event cannot be looked at: %r", name, error)
            return event
        if found is None:
            return None
        edited = str((found.get("edited") or {}).get("ts") or "")
        await self._changes.is_newest_edit(name, edited)  # older ones are over
        return Event.of(event.body, {**event.data, **found})
