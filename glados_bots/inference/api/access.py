"""Who asks the service, and what they may do: the operator's own key, the keys of `glados keys`, or anybody at all.

A route says nothing of scopes; the table SCOPE_OF does, by method and route. What is not in it needs the operator's own
key: a new route is closed until somebody opens it. The decision is made by the route that was matched, never by a path.
"""

import hashlib
import hmac
import logging
import time
from collections import Counter, deque
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import Headers

from glados_bots.inference.api.errors import ApiError
from glados_bots.inference.api.keys import DAY_S, ApiKey, KeyBook, KeyFileError
from glados_bots.wire.credentials import credential

log = logging.getLogger(__name__)

MINUTE_S = 60.0
ANSWERED_S = 10.0  # after which some answer under way is likely to have ended
# None: everybody. The probes pass the guard without a key as well; see OPEN_PATHS there.
SCOPE_OF: dict[tuple[str, str], str | None] = {
    ("GET", "/health"): None,
    ("GET", "/ready"): None,
    ("GET", "/metrics"): "metrics",
    ("GET", "/v1/models"): "models",
    ("GET", "/v1/models/{name:path}"): "models",
    ("POST", "/v1/chat/completions"): "chat",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Without a named key it is the operator, or anybody where no key is asked for: both may do all."""

    key: ApiKey | None = None

    @property
    def name(self) -> str:
        """The id of the key; empty without one."""
        return self.key.id if self.key else ""

    def may(self, scope: str | None, *, listed: bool) -> bool:
        """Whether this scope is theirs; `listed` is False for a route the table does not know."""
        return self.key is None or (listed and (scope is None or scope in self.key.scopes))


class KeyGate:
    """Tells callers by their credential, and holds them to the limits of their key.

    Requests a minute and tokens of answers under way are counted in this process, tokens a day in the file of keys. An
    answer is begun while there is room with all that those under way can cost, so it is the last one at most that
    uses more than there was.
    """

    def __init__(self, api_key: str | None, book: KeyBook | None) -> None:
        self._own = _digest(api_key) if api_key else None
        self._book = book
        self._asked: dict[str, deque[float]] = {}
        self._reserved: Counter[str] = Counter()  # tokens that answers under way may still cost, by key

    def caller(self, headers: Headers) -> Caller | None:
        """Who sent these headers, or None when a key is needed and none of ours is there.

        Raises:
            ApiError: the keys cannot be read: nobody is let in.
        """
        try:
            if self._own is None and not (self._book and self._book.in_use):
                return Caller()
            given = credential(headers)
            if given is None:
                return None
            if self._own is not None and hmac.compare_digest(_digest(given), self._own):
                return Caller()
            key = self._book.find(given) if self._book else None
            if key and self._book:
                self._book.note_use(key)
        except KeyFileError as error:
            raise _unavailable() from error
        return Caller(key) if key else None

    def hold_to_limits(self, key: ApiKey) -> None:
        """Count one request. Raises ApiError (429) when the key has used up its minute or its day."""
        now = time.monotonic()
        if key.requests_per_minute:
            asked = self._asked.setdefault(key.id, deque())
            while asked and asked[0] <= now - MINUTE_S:
                asked.popleft()
            if len(asked) >= key.requests_per_minute:
                text = f"this key may ask {key.requests_per_minute} times a minute"
                raise ApiError(429, "requests_per_minute", text, retry_after=asked[0] + MINUTE_S - now)
            asked.append(now)
        if key.tokens_per_day and self._spent(key.id) >= key.tokens_per_day:
            text = f"this key may use {key.tokens_per_day} tokens a day; the next day begins at 00:00 UTC"
            raise ApiError(429, "tokens_per_day", text, retry_after=DAY_S - time.time() % DAY_S)

    def _spent(self, key_id: str) -> int:
        try:
            return self._book.spent_today(key_id) if self._book else 0
        except KeyFileError as error:
            raise _unavailable() from error

    def reserve(self, caller: Caller, most: int) -> None:
        """Set aside what an answer can cost; `settle` it. Raises ApiError (429) when others have taken what is left."""
        key = caller.key
        if key is None or not key.tokens_per_day:
            return
        if self._reserved[key.id] and self._spent(key.id) + self._reserved[key.id] >= key.tokens_per_day:
            text = f"answers under way may use up the {key.tokens_per_day} tokens a day of this key; wait for one"
            raise ApiError(429, "tokens_per_day", text, retry_after=ANSWERED_S)
        self._reserved[key.id] += most

    def settle(self, caller: Caller, most: int, tokens: int) -> None:
        """Count what an answer has cost, of which `most` was set aside. One that runs is never cut off by this."""
        if caller.key is None or self._book is None:
            return
        if caller.key.tokens_per_day:
            self._reserved[caller.key.id] -= most
        try:
            self._book.spend(caller.key.id, tokens)
        except KeyFileError as error:
            log.error("%d tokens of key %s could not be counted: %s", tokens, caller.key.id, error)  # noqa: TRY400 - whole


async def authorise(request: Request) -> None:
    """A dependency of every route: may this caller use this route? Raises ApiError (403) when not."""
    caller: Caller = request.state.caller
    place = (request.method, request.scope["route"].path)
    scope = SCOPE_OF.get(place)
    if not caller.may(scope, listed=place in SCOPE_OF):
        needed = f"the scope {scope!r}" if scope else "the operator's own key"
        raise ApiError(403, "missing_scope", f"this key may not do that: {needed} is needed")
    if caller.key:
        request.app.state.service.gate.hold_to_limits(caller.key)


def _unavailable() -> ApiError:
    return ApiError(503, "keys_unavailable", "the keys cannot be checked at the moment", retry_after=10)


def _digest(key: str) -> bytes:
    """Digests have one length, so that comparing them takes one time, whatever was sent."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
