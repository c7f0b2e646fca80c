"""Sessions of visitors. A browser has only a random cookie; what we know of its holder is in Redis.

    glados:{web}:session:HASH   str   JSON: owner, person, by, began, seen

Redis holds only the SHA-256 of the cookie, so nobody who reads the database can take over a session. A session gets a
new id when its holder signs in, so a cookie planted before is worthless afterwards. A session begins with the first
question or with a sign-in. A visitor who only looks has a ticket (tickets.py).
"""

import hashlib
import json
import secrets
import time
from collections.abc import Awaitable
from dataclasses import asdict, dataclass, replace
from typing import Literal, cast

from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_bots.store.sweep import keys

By = Literal["open", "password", "oidc"]
SEEN_EVERY_S = 60  # precision of the idle time; each update is a write
UNASKED_S = 3600  # how long we keep a session without an accepted question


@dataclass(frozen=True, slots=True)
class Session:
    """A visitor."""

    hash: str  # the session's name in Redis
    owner: str  # owner of the chats: this browser, or this person on every browser
    person: str = ""  # e-mail address, or for nobody in particular LOCAL or SHARED of glados_bots/admins.py
    by: By = "open"  # how they signed in; `open` where no sign-in is needed
    began: float = 0.0  # when the session began, in seconds since the epoch
    seen: float = 0.0  # their last request, to the minute
    fresh_cookie: str | None = None  # a new cookie for the browser, if it needs one


class Sessions:
    """All sessions, shared by every process that serves the page.

    A browser keeps its cookie and its chats as long as the store keeps chats (`kept_s`). A person must sign in again
    `idle_s` after the last request, and always `most_s` after the sign-in.
    """

    def __init__(self, store: Store, idle_s: int, most_s: int) -> None:
        self._client = store.client
        self._prefix = store.prefix
        self.kept_s = store.ttl
        self._idle_s = idle_s
        self._most_s = most_s

    async def find(self, cookie: str | None, *, is_attended: bool = True) -> Session | None:
        """Return the session of a cookie; None for an id that we never issued, so nobody can plant one.

        This renews the session's idle time if a person is at the browser (`is_attended`). It never renews an expired
        session: its holder must sign in again, however often the browser asks.
        """
        if not cookie:
            return None
        name = hash_of(cookie)
        found = await reply_of(cast("Awaitable[str | None]", self._client.get(self._key(name))))
        session = _read(name, found) if found else None
        still_counts = session is not None and (session.by == "open" or self.is_signed_in(session))
        if session and is_attended and still_counts and time.time() - session.seen >= SEEN_EVERY_S:
            session = replace(session, seen=time.time())
            await self._write(session, only_if="there")
        return session

    async def begin_with(self, ticket: str, person: str, owner: str = "") -> Session:
        """Begin a session with a browser's first question. Questions from two tabs at once begin only one session.

        Redis keeps it for UNASKED_S, or after `keep` for `kept_s`. `ticket` is the browser's cookie, which we issued.
        Without an owner, the chats are those of this browser alone.
        """
        session = _new(ticket, owner, person, "open")
        found = await self._write(session, only_if="new", seconds=UNASKED_S)
        return replace(_read(session.hash, found), fresh_cookie=ticket) if found else session

    async def keep(self, session: Session) -> None:
        """Keep a session as long as its chat, because a question was accepted."""
        await reply_of(cast("Awaitable[object]", self._client.expire(self._key(session.hash), self.kept_s)))

    async def end(self, session: Session) -> None:
        """End a session: its cookie becomes invalid, and its streams end within seconds."""
        await reply_of(cast("Awaitable[object]", self._client.delete(self._key(session.hash))))

    async def sign_in(self, cookie: str | None, owner: str, person: str, by: By) -> Session:
        """Begin a session with a new id, and end the browser's old one.

        `cookie` is the one that the browser showed, if any. Without an owner, the new session has this browser's chats.
        """
        name = hash_of(cookie or "")
        taken = await reply_of(cast("Awaitable[str | None]", self._client.getdel(self._key(name))))
        old = _read(name, taken) if taken else None
        own = old.owner if old and old.by != "oidc" else ""
        session = _new(secrets.token_urlsafe(32), owner or own, person, by)
        await self._write(session)
        return session

    def is_signed_in(self, session: Session | None) -> bool:
        """Whether somebody signed in with this session, and recently enough."""
        if session is None or session.by == "open":
            return False
        now = time.time()
        return now - session.seen < self._idle_s and now - session.began < self._most_s

    async def is_alive(self, session: Session) -> bool:
        """Whether a session is still valid, for a stream that began under it. This check does not renew it."""
        found = await reply_of(cast("Awaitable[str | None]", self._client.get(self._key(session.hash))))
        now = _read(session.hash, found) if found else None
        return now is not None and (now.by == "open" or self.is_signed_in(now))

    async def _write(
        self, session: Session, *, only_if: Literal["new", "there"] | None = None, seconds: int = 0
    ) -> str | None:
        """Save a session for `seconds` (0: for `kept_s`). Return what Redis held under its key, if anything."""
        fields = {name: value for name, value in asdict(session).items() if name not in {"hash", "fresh_cookie"}}
        key, text, kept_s = self._key(session.hash), json.dumps(fields), seconds or self.kept_s
        call = self._client.set(key, text, ex=kept_s, nx=only_if == "new", xx=only_if == "there", get=True)
        return await reply_of(cast("Awaitable[str | None]", call))

    def _key(self, name: str) -> str:
        return f"{self._prefix}session:{name}"


def _new(cookie: str, owner: str, person: str, by: By) -> Session:
    now = time.time()
    return Session(hash_of(cookie), owner or new_owner(), person, by, now, now, cookie)


async def owners_of(store: Store, person: str) -> tuple[str, ...]:
    """Return the owners of a person's chats. `person` is the address that the provider vouches for.

    LOCAL and SHARED of glados_bots/admins.py own nothing here: those chats belong to many people.
    """
    found = set()
    for key in await keys(store, "session:") if "@" in person else []:
        text = await reply_of(cast("Awaitable[str | None]", store.client.get(key)))
        session = _read(key, text or "1")
        if session.person.casefold() == person.casefold():
            found.add(session.owner)
    return tuple(sorted(found))


def _read(name: str, text: str) -> Session:
    """Read a stored session. Before sign-in existed, we stored `1`, and the browser owned its chats."""
    return Session(name, name) if text == "1" else Session(name, **json.loads(text))


def new_owner() -> str:
    return secrets.token_hex(32)


def hash_of(secret: str) -> str:
    """Return the hash of a cookie: Redis never holds the cookie itself."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
