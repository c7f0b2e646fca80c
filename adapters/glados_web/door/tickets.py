"""Signed cookies that we do not store: for browsers that only looked, and for those that have signed in.

    glados:{web}:tickets   str   the key that signs tickets, in hex; one key for all processes

A ticket is 128 random bits and our signature. A browser shows it with its first question, and a session begins under
that cookie. The browser has the ticket before it asks. So a question sent again after a lost response, or one from a
second tab, comes from the same visitor. The signature keeps others from planting a cookie that we never issued.

A browser that has signed in gets a signed cookie that names the owner of its chats. This cookie outlives the sign-in,
so the chats are there again after the next one. By itself it lets nobody in.

Whoever reads the key in Redis can forge both. A ticket begins a session that owns nothing. An owner's name opens that
owner's chats, but only to somebody who may sign in, and Redis holds those chats beside the key.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable
from typing import cast

from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store

RANDOM_BYTES = 16
TICKET_CHARS = 43  # 32 bytes in base64 without padding, as long as the cookie of a session
OWNER = re.compile(r"[0-9a-f]{64}")


class Tickets:
    """Issues tickets and recognises them, in every process that serves the page."""

    def __init__(self, store: Store) -> None:
        self._client = store.client
        self._key = f"{store.prefix}tickets"

    async def give(self) -> str:
        random = secrets.token_bytes(RANDOM_BYTES)
        return urlsafe_b64encode(random + await self._signature(random)).rstrip(b"=").decode()

    async def is_ours(self, cookie: str | None) -> bool:
        if not cookie or len(cookie) != TICKET_CHARS or not cookie.isascii():
            return False
        try:
            parts = urlsafe_b64decode(f"{cookie}=")
        except ValueError:
            return False
        return hmac.compare_digest(parts[RANDOM_BYTES:], await self._signature(parts[:RANDOM_BYTES]))

    async def sign(self, owner: str) -> str:
        """Return the signed cookie that names a browser's owner."""
        return f"{owner}.{(await self._signature(f'owner {owner}'.encode())).hex()}"

    async def owner(self, cookie: str | None) -> str:
        """Return the owner that a browser's cookie names; empty if we did not sign it."""
        owner, _, signature = (cookie or "").partition(".")
        if not OWNER.fullmatch(owner):
            return ""
        expected = (await self._signature(f"owner {owner}".encode())).hex()
        return owner if hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")) else ""

    async def _signature(self, signed: bytes) -> bytes:
        """Sign with the key. We read it each time: Redis may have lost or restored it, and all processes must agree."""
        key = await reply_of(cast("Awaitable[str | None]", self._client.get(self._key))) or await self._new_key()
        return hmac.digest(bytes.fromhex(key), signed, hashlib.sha256)[:RANDOM_BYTES]

    async def _new_key(self) -> str:
        """Make the key and return it. If another process was faster, return that process's key."""
        fresh = secrets.token_hex(32)
        earlier = self._client.set(self._key, fresh, nx=True, get=True)
        return await reply_of(cast("Awaitable[str | None]", earlier)) or fresh
