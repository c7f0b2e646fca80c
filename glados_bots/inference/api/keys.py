"""API keys of the inference service. `glados keys` creates, lists and revokes them; each request is checked.

They are stored in one SQLite file in the service's data folder, because the service has no Redis. A revoked key is
refused from the next request on, and counts survive a restart. See docs/decisions/0005-api-keys.md.

    glados_ID_SECRET    ID: 40 random bits; SECRET: 256 random bits, of which only the SHA-256 is stored

A fast hash is right here: nobody can guess 256 random bits, however fast the guesses are.
"""

import hashlib
import hmac
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glados_bots.errors import ConfigError, GladosError

FILE = "keys.sqlite3"
SCOPES = ("models", "chat", "metrics", "admin")
KEY_FORM = re.compile(r"glados_([a-z2-7]{8})_([A-Za-z0-9_-]{43})")
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
DAY_S = 86_400
NOTE_EVERY_S = 60  # precision of `last used`; each update is a write
BUSY_S = 2.0  # how long to wait while another process writes

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL, scopes TEXT NOT NULL,
    requests_per_minute INTEGER NOT NULL, tokens_per_day INTEGER NOT NULL,
    created REAL NOT NULL, expires REAL, revoked REAL, last_used REAL
);
CREATE TABLE IF NOT EXISTS spent (
    id TEXT NOT NULL, day INTEGER NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY (id, day)
);
"""
ALL = """
SELECT id, name, scopes, requests_per_minute, tokens_per_day, created, expires, revoked, last_used
FROM keys ORDER BY created
"""
ONE = """
SELECT id, name, scopes, requests_per_minute, tokens_per_day, created, expires, revoked, last_used, hash
FROM keys WHERE id = ?
"""


class KeyFileError(GladosError):
    """The key file cannot be read or written, so no key of it lets anybody in."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. Times are seconds since the epoch."""

    id: str  # its public name, part of the key itself
    name: str  # the operator's name for it
    scopes: frozenset[str]  # what it may do: some of SCOPES
    requests_per_minute: int  # 0: no limit
    tokens_per_day: int  # tokens of prompts and answers per day (UTC); 0: no limit
    created: float
    expires: float | None  # when it becomes invalid
    revoked: float | None  # when the operator revoked it
    last_used: float | None  # precise to one minute

    def state(self, now: float) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "valid"


class KeyBook:
    """All keys. The first key creates the file. Without a file, the service needs no key."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE
        self._connection: sqlite3.Connection | None = None

    # --- for the operator ------------------------------------------------------------------------------------------

    def create(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        requests_per_minute: int = 0,
        tokens_per_day: int = 0,
        expires: float | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its text. The text is shown only once and stored nowhere.

        Raises:
            ConfigError: the name or a scope is invalid, or the file cannot be written.
        """
        chosen = frozenset(scopes)
        if not chosen or not chosen <= set(SCOPES):
            wrong = ", ".join(sorted(chosen - set(SCOPES)))
            raise ConfigError(f"scope {wrong or 'missing'}: choose from {', '.join(SCOPES)}")
        if not name.strip() or not name.isprintable() or len(name) > 100:  # noqa: PLR2004 - fits a table
            raise ConfigError(f"name {name!r}: use 1 to 100 printable characters")
        key = ApiKey(
            "".join(secrets.choice(ALPHABET) for _ in range(8)), name.strip(), chosen, requests_per_minute,
            tokens_per_day, time.time(), expires, None, None,
        )  # fmt: skip
        secret = secrets.token_urlsafe(32)
        scope = " ".join(sorted(chosen))
        row = (key.id, key.name, _digest(secret), scope, requests_per_minute, tokens_per_day, key.created, expires)
        try:
            self._open(make=True).execute(
                "INSERT INTO keys (id, name, hash, scopes, requests_per_minute, tokens_per_day, created, expires)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"{self._path}: cannot store keys here ({error}); set GLADOS_DATA_DIR to the service's folder"
            ) from error
        return key, f"glados_{key.id}_{secret}"

    def all(self) -> list[ApiKey]:
        """Every key that was ever created, oldest first. Raises KeyFileError."""
        return [_key(row) for row in self._ask(ALL)]

    def revoke(self, key_id: str) -> bool:
        """Revoke a key. False if no key has this id, or it was revoked before. Raises KeyFileError."""
        done = self._ask(
            "UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL RETURNING id", time.time(), key_id
        )
        return bool(done)

    # --- for the service -------------------------------------------------------------------------------------------

    @property
    def in_use(self) -> bool:
        """Whether a key was ever created here. From then on the service needs a key, even if all are revoked."""
        return self._connection is not None or self._path.exists()

    def find(self, text: str) -> ApiKey | None:
        """The valid key with this text, or None. Takes the same time for a wrong secret as for the right one.

        Raises:
            KeyFileError: the file cannot be read.
        """
        parts = KEY_FORM.fullmatch(text)
        if parts is None or not self.in_use:
            return None
        found = self._ask(ONE, parts[1])
        *row, kept = found[0] if found else (None, b"")
        if not hmac.compare_digest(_digest(parts[2]), kept) or row[0] is None:
            return None
        key = _key(row)
        return key if key.state(time.time()) == "valid" else None

    def note_use(self, key: ApiKey) -> None:
        """Store when a key was used, at most once per minute. Raises KeyFileError."""
        now = time.time()
        if key.last_used is None or now - key.last_used >= NOTE_EVERY_S:
            self._ask("UPDATE keys SET last_used = ? WHERE id = ?", now, key.id)

    def spent_today(self, key_id: str) -> int:
        """Tokens that the key has used today (UTC). Raises KeyFileError."""
        found = self._ask("SELECT tokens FROM spent WHERE id = ? AND day = ?", key_id, int(time.time() // DAY_S))
        return int(found[0][0]) if found else 0

    def spend(self, key_id: str, tokens: int) -> None:
        """Count tokens for today, and delete counts of earlier days. Raises KeyFileError."""
        today = int(time.time() // DAY_S)
        self._ask("DELETE FROM spent WHERE id = ? AND day < ?", key_id, today)
        self._ask(
            "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (id, day) DO UPDATE SET tokens = tokens + excluded.tokens",
            key_id, today, tokens,
        )  # fmt: skip

    def _ask(self, query: str, *values: Any) -> list[Any]:
        if not self.in_use:
            return []
        try:
            return self._open().execute(query, values).fetchall()
        except (OSError, sqlite3.Error) as error:
            raise KeyFileError(f"{self._path}: cannot use this file of API keys ({error})") from error

    def _open(self, *, make: bool = False) -> sqlite3.Connection:
        """The connection. Only its owner can read the file; SQLite gives its companion files the same mode."""
        if self._connection is None:
            if make:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")  # a reader never waits for a writer
            connection.execute("PRAGMA synchronous = NORMAL")  # a power failure may cost the last counts, no key
            connection.executescript(SCHEMA)
            self._connection = connection
        return self._connection


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _key(row: Iterable[Any]) -> ApiKey:
    key_id, name, scopes, *rest = row
    return ApiKey(key_id, name, frozenset(scopes.split()), *rest)
