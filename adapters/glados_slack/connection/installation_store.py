"""Installations in many workspaces, in Redis: encrypted, and with tokens that are refreshed under a lock.

    glados:{slack}:install:ENTERPRISE:TEAM   str   the installation as encrypted JSON; `-` stands for none
    glados:{slack}:refreshing:ENTERPRISE:TEAM   str   who refreshes its token now
    glados:{slack}:oauth:STATE   str   an installation under way

A refresh token works once. So only the holder of the lock refreshes, after reading once more; everybody else reads what
it has written. Keys are Fernet keys: the first encrypts, all of them decrypt, so that they can be changed one by one.
"""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime
from logging import Logger
from typing import Any, cast

import aiohttp
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from slack_sdk.errors import SlackApiError, SlackTokenRotationError
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator

from glados_bots.errors import StoreUnavailableError
from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_slack.connection.installs import Install
from glados_slack.metrics import DEAD_INSTALLS

log = logging.getLogger(__name__)

REMEMBERED_S = 30.0
REFRESH_BEFORE_MINUTES = 120  # of twelve hours
LOCK_S = 30
LOOK_EVERY_S = 0.1
STATE_S = 600


class Installations(AsyncInstallationStore):
    """All installations: where slack_bolt's OAuth flow saves them, and the adapter's `Installs`."""

    def __init__(self, store: Store, keys: list[Fernet], rotator: AsyncTokenRotator) -> None:
        self._client = store.client
        self._prefix = store.prefix
        self._newest = keys[0]
        self._cipher = MultiFernet(keys)
        self._rotator = rotator
        self._known: dict[str, tuple[float, Installation | None]] = {}

    # --- what the adapter asks -------------------------------------------------------------------------------------

    async def find(self, enterprise: str, team: str) -> Install | None:
        """The installation that speaks for a workspace: its own, or its organisation's."""
        found = await self._working(enterprise, team)
        if found is None or not found.bot_token:
            return None
        return Install(
            team="" if found.is_enterprise_install else str(found.team_id or ""),
            enterprise=str(found.enterprise_id or ""),
            token=found.bot_token,
            bot_user=str(found.bot_user_id),
            bot_id=str(found.bot_id or ""),
            is_org=bool(found.is_enterprise_install),
        )

    async def mark_dead(self, install: Install, error: str) -> None:
        """Slack refuses the token for good. One that was refreshed meanwhile is another."""
        key = _key(install.enterprise, install.team)
        self._known.pop(key, None)
        found = await self._load(key)
        if found and found.bot_token == install.token:
            log.error("the installation %s is dead (%s): its workspace must install the app again", key, error)
            DEAD_INSTALLS.inc()
            await self._remove(key)

    async def forget(self, enterprise: str, team: str) -> None:
        key = _key(enterprise, team)
        if await self._load(key) is None and enterprise:  # the organisation's
            key = _key(enterprise, None)
        await self._remove(key)

    # --- what slack_bolt asks --------------------------------------------------------------------------------------

    @property
    def logger(self) -> Logger:
        return log

    async def async_save(self, installation: Installation) -> None:
        is_org = bool(installation.is_enterprise_install)
        key = _key(installation.enterprise_id, None if is_org else installation.team_id)
        text = json.dumps(installation.to_dict_for_copying(), default=_plain)
        await reply_of(self._client.set(f"{self._prefix}install:{key}", self._cipher.encrypt(text.encode()).decode()))
        self._known[key] = (time.monotonic() + REMEMBERED_S, installation)

    # --- small steps -----------------------------------------------------------------------------------------------

    async def _working(self, enterprise: str, team: str) -> Installation | None:
        """With a token that works for a while."""
        for key in dict.fromkeys([_key(enterprise, team), *([_key(enterprise, None)] if enterprise else [])]):
            if found := await self._remembered(key):
                return await self._refreshed(key, found)
        return None

    async def _remembered(self, key: str) -> Installation | None:
        known = self._known.get(key)
        if known is None or known[0] < time.monotonic():
            known = self._known[key] = (time.monotonic() + REMEMBERED_S, await self._load(key))
        return known[1]

    async def _load(self, key: str) -> Installation | None:
        text = await reply_of(cast("Awaitable[str | None]", self._client.get(f"{self._prefix}install:{key}")))
        if text is None:
            return None
        try:
            found = Installation(**json.loads(self._cipher.decrypt(text.encode())))
        except InvalidToken:
            log.critical("installation %s: encrypted by a key that GLADOS_SLACK_INSTALLATION_KEYS does not hold", key)
            return None
        if not self._is_newest(text):
            await self.async_save(found)
        return found

    def _is_newest(self, text: str) -> bool:
        """Whether it is encrypted by the newest key."""
        try:
            self._newest.decrypt(text.encode())
        except InvalidToken:
            return False
        return True

    async def _remove(self, key: str) -> None:
        self._known.pop(key, None)
        await reply_of(self._client.delete(f"{self._prefix}install:{key}"))

    async def _refreshed(self, key: str, found: Installation) -> Installation | None:
        """The installation as it is, or with a new token when its own ends soon."""
        if not _ends_within(found, REFRESH_BEFORE_MINUTES * 60):
            return found
        name = f"{self._prefix}refreshing:{key}"
        lock = self._client.lock(name, timeout=LOCK_S, thread_local=False)
        if not await reply_of(lock.acquire(blocking=False)):
            return found if not _ends_within(found, LOCK_S) else await self._wait_for_other(key, name)
        try:
            newest = await self._load(key)
            if newest and _ends_within(newest, REFRESH_BEFORE_MINUTES * 60):
                newest = await self._refresh(newest)
            self._known[key] = (time.monotonic() + REMEMBERED_S, newest)
            return newest
        finally:
            with suppress(StoreUnavailableError):  # it ran out, and may be somebody else's now
                await reply_of(lock.release())

    async def _refresh(self, found: Installation) -> Installation | None:
        try:
            async with asyncio.timeout(LOCK_S / 2):
                fresh = await self._rotator.perform_token_rotation(
                    installation=found, minutes_before_expiration=REFRESH_BEFORE_MINUTES
                )
        except (SlackTokenRotationError, SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            log.critical("the token of %s cannot be refreshed (%s)", found.team_id or found.enterprise_id, error)
            return None if _ends_within(found, 0) else found
        if fresh:
            await self.async_save(fresh)
        return fresh or found

    async def _wait_for_other(self, key: str, lock: str) -> Installation | None:
        """Somebody else refreshes: read what they write."""
        while await reply_of(self._client.exists(lock)):  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(LOOK_EVERY_S)
        self._known.pop(key, None)
        return await self._remembered(key)


class States(AsyncOAuthStateStore):
    """Installations under way, each to be finished once, within ten minutes, by the browser that began it."""

    def __init__(self, store: Store) -> None:
        self._client = store.client
        self._prefix = f"{store.prefix}oauth:"

    @property
    def logger(self) -> Logger:
        return log

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        del args, kwargs
        state = secrets.token_urlsafe(24)
        await reply_of(self._client.set(self._prefix + state, 1, ex=STATE_S))
        return state

    async def async_consume(self, state: str) -> bool:
        """Whether it was issued, and not used before."""
        return bool(state and await reply_of(self._client.delete(self._prefix + state)))


def _key(enterprise: str | None, team: str | None) -> str:
    return f"{enterprise or '-'}:{team or '-'}"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in an installation")


def _ends_within(found: Installation, seconds: float) -> bool:
    return found.bot_token_expires_at is not None and found.bot_token_expires_at < time.time() + seconds
