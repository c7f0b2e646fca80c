"""Who may use the service, and for what: the operator's own key, keys of `glados keys`, or everybody without keys.

The table SCOPE_OF gives each method and route its scope. All other routes need the operator's own key, so a new route
is closed until somebody opens it. The matched route decides, never the path.
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
ANSWERED_S = 10.0  # time after which a running answer has probably ended
# None: open to everybody. The guard also lets the probes pass without a key; see OPEN_PATHS in guard.py.
SCOPE_OF: dict[tuple[str, str], str | None] = {
    ("GET", "/health"): None,
    ("GET", "/ready"): None,
    ("GET", "/metrics"): "metrics",
    ("GET", "/v1/models"): "models",
    ("GET", "/v1/models/{name:path}"): "models",
    ("POST", "/v1/chat/completions"): "chat",
    ("POST", "/v1/completions"): "chat",
    ("GET", "/tokenizer_info"): "chat",
    ("POST", "/tokenize"): "chat",
    ("POST", "/v1/tokenize"): "chat",
    ("POST", "/detokenize"): "chat",
    ("POST", "/v1/detokenize"): "chat",
    ("POST", "/v1/load_lora_adapter"): "admin",
    ("POST", "/v1/unload_lora_adapter"): "admin",
    ("POST", "/v1/responses"): "chat",
    ("POST", "/v1/embeddings"): "chat",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request. Without a named key: the operator, or anybody if no key is needed. Both may do all."""

    key: ApiKey | None = None

    @property
    def name(self) -> str:
        """The id of the key; empty without one."""
        return self.key.id if self.key else ""

    def may(self, scope: str | None, *, listed: bool) -> bool:
        """Whether the caller has this scope; `listed` is False for a route that SCOPE_OF does not contain."""
        return self.key is None or (listed and (scope is None or scope in self.key.scopes))


class KeyGate:
    """Identifies callers by their credential, and enforces the limits of their key.

    This process counts requests per minute and the tokens of running answers; the key file counts tokens per day. An
    answer begins only if tokens are left after everything that running answers can cost. So at most the last answer of
    a day exceeds the limit.
    """

    def __init__(self, api_key: str | None, book: KeyBook | None) -> None:
        self._own = _digest(api_key) if api_key else None
        self._book = book
        self._asked: dict[str, deque[float]] = {}
        self._reserved: Counter[str] = Counter()  # tokens that running answers may still cost, by key

    def caller(self, headers: Headers) -> Caller | None:
        """Who sent these headers; None if a key is needed and the headers hold no valid one.

        Raises:
            ApiError: the key file cannot be read, so nobody is let in.
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
        """Count one request. Raises ApiError (429) if the key has used up its limit per minute or per day."""
        now = time.monotonic()
        if key.requests_per_minute:
            asked = self._asked.setdefault(key.id, deque())
            while asked and asked[0] <= now - MINUTE_S:
                asked.popleft()
            if len(asked) >= key.requests_per_minute:
                text = f"this key may send {key.requests_per_minute} requests per minute"
                raise ApiError(429, "requests_per_minute", text, retry_after=asked[0] + MINUTE_S - now)
            asked.append(now)
        if key.tokens_per_day and self._spent(key.id) >= key.tokens_per_day:
            text = f"this key may use {key.tokens_per_day} tokens per day; the next day begins at 00:00 UTC"
            raise ApiError(429, "tokens_per_day", text, retry_after=DAY_S - time.time() % DAY_S)

    def _spent(self, key_id: str) -> int:
        try:
            return self._book.spent_today(key_id) if self._book else 0
        except KeyFileError as error:
            raise _unavailable() from error

    def reserve(self, caller: Caller, most: int) -> None:
        """Set aside the tokens that an answer can cost, until `settle`. Raises ApiError (429) if none are left."""
        key = caller.key
        if key is None or not key.tokens_per_day:
            return
        if self._reserved[key.id] and self._spent(key.id) + self._reserved[key.id] >= key.tokens_per_day:
            text = f"running answers may use up this key's {key.tokens_per_day} tokens per day; wait for one to end"
            raise ApiError(429, "tokens_per_day", text, retry_after=ANSWERED_S)
        self._reserved[key.id] += most

    def settle(self, caller: Caller, most: int, tokens: int) -> None:
        """Count the tokens of an ended answer, and release the `most` that were set aside. Never ends an answer."""
        if caller.key is None or self._book is None:
            return
        if caller.key.tokens_per_day:
            self._reserved[caller.key.id] -= most
        try:
            self._book.spend(caller.key.id, tokens)
        except KeyFileError as error:
            log.error("could not count %d tokens of key %s: %s", tokens, caller.key.id, error)  # noqa: TRY400 - whole


async def authorise(request: Request) -> None:
    """A dependency of every route. Raises ApiError (403) if this caller may not use the route."""
    caller: Caller = request.state.caller
    place = (request.method, request.scope["route"].path)
    scope = SCOPE_OF.get(place)
    if not caller.may(scope, listed=place in SCOPE_OF):
        needed = f"the scope {scope!r}" if scope else "the operator's own key"
        raise ApiError(403, "missing_scope", f"this key may not do that; the request needs {needed}")
    if caller.key:
        request.app.state.service.gate.hold_to_limits(caller.key)


def _unavailable() -> ApiError:
    return ApiError(503, "keys_unavailable", "the service cannot check keys at the moment", retry_after=10)


def _digest(key: str) -> bytes:
    """A digest of fixed length, so that comparing two takes the same time for any key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
