"""Names and languages of people, names of channels, and who manages a workspace.

Slack is asked once per hour and id. What it refuses to tell is not asked again before; what is slow comes later.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from glados_bots.background import Background
from glados_bots.surface import PlaceGoneError, PlatformAwayError
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls, RefusedError

log = logging.getLogger(__name__)

REMEMBERED_S = 3600.0
FAILED_S = 60.0  # until Slack is asked again for what it could not tell
MOST_REMEMBERED = 10_000
PATIENCE_FOR_NAMES_S = 0.8  # Slack waits three seconds for the whole event

Json = dict[str, Any]
Key = tuple[str, str]  # a workspace, and an id in it


class People:
    """What is known of ids. A right the app lacks (`users:read`) makes names of ids, and nobody an admin."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._known: dict[Key, tuple[float, Json]] = {}
        self._asking: dict[Key, asyncio.Task[Any]] = {}
        self._background = Background()

    async def name(self, place: Mapping[str, str], some_id: str) -> str:
        if some_id[:1] in "CGD":
            found = await self._ask(place, "conversations.info", "channel", some_id)
            return str(found.get("name") or some_id)
        found = await self._ask(place, "users.info", "user", some_id)
        profile = found.get("profile") or {}
        return str(profile.get("display_name") or found.get("real_name") or found.get("name") or some_id)

    async def locale(self, place: Mapping[str, str], user: str) -> str:
        """The language somebody has chosen in Slack, such as `de-DE`; empty where Slack does not tell."""
        return str((await self._ask(place, "users.info", "user", user)).get("locale") or "")

    async def is_stranger(self, place: Mapping[str, str], user: str) -> bool:
        return _is_foreign(await self._ask(place, "users.info", "user", user), place)

    async def is_admin(self, place: Mapping[str, str], user: str) -> bool:
        found = await self._ask(place, "users.info", "user", user)
        if _is_foreign(found, place):  # an admin of another organisation
            return False
        return bool(found.get("is_admin") or found.get("is_owner") or found.get("is_primary_owner"))

    async def aclose(self) -> None:
        """Wait for no answer of Slack any more."""
        await self._background.cancel()

    async def _ask(self, place: Mapping[str, str], method: str, kind: str, some_id: str) -> Json:
        """What Slack tells of an id; empty when it does not tell, or not soon: then the answer counts for later."""
        key = (place.get("team", ""), some_id)
        if (known := self._of(key)) is not None:
            return known
        if key not in self._asking:
            task = self._background.start(self._look_up(key, place, method, kind))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        task = self._asking[key]
        await asyncio.wait({task}, timeout=PATIENCE_FOR_NAMES_S)
        if not task.done():
            self._remember(key, {}, FAILED_S)
        return self._of(key) or {}

    async def _look_up(self, key: Key, place: Mapping[str, str], method: str, kind: str) -> None:
        """Ask Slack, and remember what it tells; nothing where no call may be made now."""
        if not await self._calls.may(budget(place.get("team", ""), method), key[1]):
            return
        found: Json = {}
        for_s = REMEMBERED_S
        try:
            answer = await self._calls(place, method, **{kind: key[1]}, include_locale=True)
            found = dict(answer.get(kind) or {})
        except (RefusedError, PlatformAwayError, PlaceGoneError) as error:
            log.info("%s", error)
            for_s = REMEMBERED_S if isinstance(error, RefusedError) else FAILED_S
        self._remember(key, found, for_s)

    def _of(self, key: Key) -> Json | None:
        until, found = self._known.get(key, (0.0, {}))
        return found if until > time.monotonic() else None

    def _remember(self, key: Key, found: Json, for_s: float) -> None:
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = (time.monotonic() + for_s, found)


def _is_foreign(user: Mapping[str, Any], place: Mapping[str, str]) -> bool:
    """Whether a user is of another organisation; `is_stranger` says so only of those who share no channel with us."""
    team = user.get("team_id")
    if not user or team in {None, "", place.get("team")}:
        return bool(user.get("is_stranger"))
    organisation = (user.get("enterprise_user") or {}).get("enterprise_id")
    return not organisation or organisation != place.get("enterprise")
