"""Names of people and channels, and who manages a workspace: asked of Slack once, and remembered for a while."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls

REMEMBERED_S = 3600.0
FAILED_S = 60.0  # until Slack is asked again for what it did not tell
MOST_REMEMBERED = 10_000
PATIENCE_FOR_NAMES_S = 0.8  # Slack waits three seconds for the whole event


class People:
    """What is known of ids. A right the app lacks (`users:read`) makes names of ids, and nobody an admin."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._known: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}

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

    async def _ask(self, place: Mapping[str, str], method: str, kind: str, some_id: str) -> dict[str, Any]:
        key = (place.get("team", ""), some_id)
        known = self._known.get(key)
        if known and known[0] > time.monotonic():
            return known[1]
        if not await self._calls.may(budget(place.get("team", ""), method), some_id):
            return {}
        try:
            async with asyncio.timeout(PATIENCE_FOR_NAMES_S):
                answer = await self._calls.quietly(place, method, **{kind: some_id}, include_locale=True) or {}
        except TimeoutError:
            answer = {}
        found = dict(answer.get(kind) or {})
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = (time.monotonic() + (REMEMBERED_S if found else FAILED_S), found)
        return found


def _is_foreign(user: Mapping[str, Any], place: Mapping[str, str]) -> bool:
    """Whether a user is of another organisation; `is_stranger` says so only of those who share no channel with us."""
    team = user.get("team_id")
    if not user or team in {None, "", place.get("team")}:
        return bool(user.get("is_stranger"))
    organisation = (user.get("enterprise_user") or {}).get("enterprise_id")
    return not organisation or organisation != place.get("enterprise")
