"""Who visits. A session is a random cookie; what is known of its holder stays here, and ends here.

    glados:{web}:session:HASH   str   JSON: owner, person, by, began, seen

Redis holds only the SHA-256 of the cookie: who reads the database cannot take a session over. A session gets a new id
when its holder signs in, so that a cookie that was planted before is worth nothing after. A session begins with the
first question or with a sign-in. Who only looks has a ticket (tickets.py).
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
SEEN_EVERY_S = 60  # how exact the idle time is; each note is a write
UNASKED_S = 3600  # how long a session is kept whose first question was refused


@dataclass(frozen=True, slots=True)
class Session:
    """A visitor.

    Attributes:
        hash: the session's name in Redis.
        owner: whose chats these are: this browser, or this person on every browser.
        person: who it is, as far as we know: an e-mail address, or a name of admins.py for nobody in particular.
        by: how they came in; `open` where no sign-in is asked for.
        began: when they came in, in seconds since the epoch.
        seen: their last request, to the minute.
        fresh_cookie: set when the browser must be given a new one.
    """

    hash: str
    owner: str
    person: str = ""
    by: By = "open"
    began: float = 0.0
    seen: float = 0.0
    fresh_cookie: str | None = None


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session holds, in seconds.

    Attributes:
        kept: how long its chats stay bound to the browser, signed in or not.
        idle: without a request, until one must sign in again.
        most: until one must sign in again in any case.
    """

    kept: int
    idle: int
    most: int


class Sessions:
    """All sessions, of every process that serves the page."""

    def __init__(self, store: Store, lifetime: Lifetime) -> None:
        self._client = store.client
        self._prefix = store.prefix
        self._lifetime = lifetime

    @property
    def kept_s(self) -> int:
        """How long a browser keeps its cookie, in seconds."""
        return self._lifetime.kept

    async def find(self, cookie: str | None, *, is_attended: bool = True) -> Session | None:
        """The session of a cookie; ids we never gave out are none, so nobody can plant one.

        This is the session's newest request, unless nobody sits before the browser (`is_attended`), or its time had run
        out: then one must sign in again, however often the browser asks.
        """
        if not cookie:
            return None
        name = _hash(cookie)
        found = await reply_of(cast("Awaitable[str | None]", self._client.get(self._key(name))))
        session = _read(name, found) if found else None
        still_counts = session is not None and (session.by == "open" or self.is_signed_in(session))
        if session and is_attended and still_counts and time.time() - session.seen >= SEEN_EVERY_S:
            session = replace(session, seen=time.time())
            await self._write(session, only_if="there")
        return session

    async def begin(self, owner: str = "", person: str = "", by: By = "open") -> Session:
        """A new session, whose cookie the browser must be given. Without an owner, it is this browser itself."""
        cookie = secrets.token_urlsafe(32)
        now = time.time()
        session = Session(_hash(cookie), owner or new_owner(), person, by, now, now, cookie)
        await self._write(session)
        return session

    async def begin_with(self, ticket: str, person: str, owner: str = "") -> Session:
        """The session of a browser that asks its first question; several at once, from two tabs, begin only one.

        It is kept for UNASKED_S, or for good by `keep`. `ticket` is the browser's cookie, which we gave out; without an
        owner, the chats are those of this browser alone.
        """
        now = time.time()
        session = Session(_hash(ticket), owner or new_owner(), person, "open", now, now, ticket)
        found = await self._write(session, only_if="new", seconds=UNASKED_S)
        return replace(_read(session.hash, found), fresh_cookie=ticket) if found else session

    async def keep(self, session: Session) -> None:
        """Its question was taken in: it is kept as long as the chat."""
        await reply_of(cast("Awaitable[object]", self._client.expire(self._key(session.hash), self._lifetime.kept)))

    async def end(self, session: Session) -> None:
        """From now on its cookie is worth nothing; its streams end within seconds."""
        await reply_of(cast("Awaitable[object]", self._client.delete(self._key(session.hash))))

    async def sign_in(self, cookie: str | None, owner: str, person: str, by: By) -> Session:
        """A session with a new id. The one the browser had ends; its chats come along where they are the browser's own.

        `cookie` is what the browser showed, if anything; without an owner, the chats are those of this browser.
        """
        name = _hash(cookie or "")
        taken = await reply_of(cast("Awaitable[str | None]", self._client.getdel(self._key(name))))
        old = _read(name, taken) if taken else None
        own = old.owner if old and old.by != "oidc" else ""
        return await self.begin(owner or own, person, by)

    def is_signed_in(self, session: Session | None) -> bool:
        """Whether somebody signed in with it, and recently enough."""
        if session is None or session.by == "open":
            return False
        now = time.time()
        return now - session.seen < self._lifetime.idle and now - session.began < self._lifetime.most

    async def is_alive(self, session: Session) -> bool:
        """Whether it still counts, for what was begun under it and goes on; asking is no sign of life."""
        found = await reply_of(cast("Awaitable[str | None]", self._client.get(self._key(session.hash))))
        now = _read(session.hash, found) if found else None
        return now is not None and (now.by == "open" or self.is_signed_in(now))

    async def _write(
        self, session: Session, *, only_if: Literal["new", "there"] | None = None, seconds: int = 0
    ) -> str | None:
        """Save a session, for as long as sessions are kept or so many seconds; what was there before, if anything."""
        fields = {name: value for name, value in asdict(session).items() if name not in {"hash", "fresh_cookie"}}
        is_new, is_there = only_if == "new", only_if == "there"
        call = self._client.set(
            self._key(session.hash),
            json.dumps(fields),
            ex=seconds or self._lifetime.kept,
            nx=is_new,
            xx=is_there,
            get=True,
        )
        return await reply_of(cast("Awaitable[str | None]", call))

    def _key(self, name: str) -> str:
        return f"{self._prefix}session:{name}"


async def owners_of(store: Store, person: str) -> tuple[str, ...]:
    """The owners of chats that somebody signed in as, by the address the provider vouches for."""
    found = set()
    for key in await keys(store, "session:"):
        text = await reply_of(cast("Awaitable[str | None]", store.client.get(key)))
        session = _read(key, text or "1")
        if session.person.casefold() == person.casefold():
            found.add(session.owner)
    return tuple(sorted(found))


def _read(name: str, text: str) -> Session:
    """A session as it was written. Before there was a sign-in that was `1`, and the browser owned its chats."""
    return Session(name, name) if text == "1" else Session(name, **json.loads(text))


def new_owner() -> str:
    return secrets.token_hex(32)


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
