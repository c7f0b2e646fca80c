"""The audit log: who did what with an operator's or an admin's rights, and when.

    glados:audit   stream   actor, act, target; the entry's id is the time by the clock of Redis

Each act is also a log line, so it is recorded even if Redis is not reachable. Neither contains words of a conversation.
"""

import getpass
import logging
import socket
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from glados_bots.errors import StoreUnavailableError
from glados_bots.store.connection import Client, reply_of

log = logging.getLogger(__name__)

KEY = "glados:audit"
MOST_ENTRIES = 10_000
KEPT_MS = 400 * 24 * 3600 * 1000  # 400 days: long enough for a yearly review
LONGEST_FIELD = 200  # characters of one field


@dataclass(frozen=True, slots=True)
class Entry:
    """One act."""

    at: datetime  # when, in UTC
    actor: str  # who: `cli:NAME@MACHINE`, or a platform's id such as `web:ada@example.org`
    act: str  # what, in the words of a command: `keys revoke`
    target: str = ""  # what the act changed; empty if there is nothing to name


def operator() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"  # in a container, a user id may have no name
    return f"cli:{name}@{socket.gethostname()}"


async def record(client: Client, actor: str, act: str, target: str = "") -> None:
    """Record an act: first as a log line, then in the stream.

    Raises:
        StoreUnavailableError: Redis is not reachable; the log line has been written.
    """
    fields = {"actor": _line(actor), "act": _line(act), "target": _line(target)}
    log.info("audit: %(actor)s: %(act)s %(target)s", fields)
    async with client.pipeline(transaction=True) as pipe:
        pipe.xadd(KEY, cast("Any", fields), maxlen=MOST_ENTRIES, approximate=True)
        pipe.time()
        _, (seconds, _) = await reply_of(pipe.execute())
    await reply_of(client.xtrim(KEY, minid=str(seconds * 1000 - KEPT_MS), approximate=False))


async def attempt(client: Client, actor: str, act: str, target: str = "") -> None:
    """`record` for acts that must not fail if Redis is not reachable; a warning then says that the entry is missing."""
    try:
        await record(client, actor, act, target)
    except StoreUnavailableError as error:
        log.warning("this act is only in this log, not in the audit log in Redis: %s", error)


async def entries(client: Client, most: int = 100) -> list[Entry]:
    """The newest acts, newest first. Raises StoreUnavailableError."""
    found = await reply_of(cast("Awaitable[list[tuple[str, dict[str, str]]]]", client.xrevrange(KEY, count=most)))
    return [_entry(name, fields) for name, fields in found]


def _entry(name: str, fields: dict[str, str]) -> Entry:
    at = datetime.fromtimestamp(int(name.partition("-")[0]) / 1000, UTC)
    return Entry(at, fields.get("actor", ""), fields.get("act", ""), fields.get("target", ""))


def _line(text: str) -> str:
    """Make a name from outside safe for the log: one line, no control characters, at most LONGEST_FIELD characters."""
    return "".join(char if char.isprintable() else "�" for char in text)[:LONGEST_FIELD]
