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
    """A visitor."""

    hash: str  # the session's name in Redis
    owner: str  # whose chats these are: this browser, or this person on every browser
    person: str = ""  # who it is: an e-mail address, or what glados_bots/admins.py calls nobody in particular
    by: By = "open"  # how they came in; `open` where no sign-in is needed
    began: float = 0.0  # when they came in, in seconds since the epoch
    seen: float = 0.0  # their last request, to the minute
    fresh_cookie: str | None = None  # set when the browser must be given a new one


class Sessions:
    """All sessions, of every process that serves the page.

    A browser keeps its cookie, and its chats stay bound to it, as long as the store keeps chats (`kept_s`). One must
    sign in again `idle_s` after the last request, and `most_s` after signing in in any case.
    """

    def __init__(self, store: Store, idle_s: int, most_s: int) -> None:
        self._client = store.client
        self._prefix = store.prefix
        self.kept_s = store.ttl
        self._idle_s = idle_s
        self._most_s = most_s

    async def find(self, cookie: str | None, *, is_attended: bool = True) -> Session | None:
        """The session of a cookie; ids we never gave out are none, so nobody can plant one.

        This is the session's newest request, unless nobody sits before the browser (`is_attended`), or its time had run
        out: then one must sign in again, however often the browser asks.
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
        """The session of a browser that asks its first question; several at once, from two tabs, begin only one.

        It is kept for UNASKED_S, or for good by `keep`. `ticket` is the browser's cookie, which we gave out; without an
        owner, the chats are those of this browser alone.
        """
        session = _new(ticket, owner, person, "open")
        found = await self._write(session, only_if="new", seconds=UNASKED_S)
        return replace(_read(session.hash, found), fresh_cookie=ticket) if found else session

    async def keep(self, session: Session) -> None:
        """Keep a session as long as its chat: a question was accepted."""
        await reply_of(cast("Awaitable[object]", self._client.expire(self._key(session.hash), self.kept_s)))

    async def end(self, session: Session) -> None:
        """Make a session's cookie worth nothing; its streams end within seconds."""
        await reply_of(cast("Awaitable[object]", self._client.delete(self._key(session.hash))))

    async def sign_in(self, cookie: str | None, owner: str, person: str, by: By) -> Session:
        """A session with a new id. The one the browser had ends; its chats come along where they are the browser's own.

        `cookie` is what the browser showed, if anything; without an owner, the chats are those of this browser.
        """
        name = hash_of(cookie or "")
        taken = await reply_of(cast("Awaitable[str | None]", self._client.getdel(self._key(name))))
        old = _read(name, taken) if taken else None
        own = old.owner if old and old.by != "oidc" else ""
        session = _new(secrets.token_urlsafe(32), owner or own, person, by)
        await self._write(session)
        return session

    def is_signed_in(self, session: Session | None) -> bool:
        """Whether somebody signed in with it, and recently enough."""
        if session is None or session.by == "open":
            return False
        now = time.time()
        return now - session.seen < self._idle_s and now - session.began < self._most_s

    async def is_alive(self, session: Session) -> bool:
        """Whether it is still valid, for a stream that began under it. This check does not renew it."""
        found = await reply_of(cast("Awaitable[str | None]", self._client.get(self._key(session.hash))))
        now = _read(session.hash, found) if found else None
        return now is not None and (now.by == "open" or self.is_signed_in(now))

    async def _write(
        self, session: Session, *, only_if: Literal["new", "there"] | None = None, seconds: int = 0
    ) -> str | None:
        """Save a session, for as long as sessions are kept or so many seconds; what was there before, if anything."""
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
    """The owners of chats that somebody signed in as, by the address the provider vouches for.

    What glados_bots/admins.py calls nobody in particular owns nothing: those chats are of many people.
    """
    found = set()
    for key in await keys(store, "session:") if "@" in person else []:
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


def hash_of(secret: str) -> str:
    """What Redis may know of a cookie."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
