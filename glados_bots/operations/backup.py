"""Backup and restore of everything that a team would miss: conversations, waiting turns, settings, owners of chats.

A backup consists of lines of JSON. Ordinary tools can read, search and compare it, and it can be restored into another
Redis or Valkey of any version:

    {"format": "glados-backup", "version": 1, "data_version": 1, "at": 1795523825.1}
    {"key": "glados:{web}:c:CONV:history", "type": "list", "value": ["turn", ...], "expires_at": 1798115825.0}
    ...
    {"end": 42}

A backup leaves out what matters only for seconds: pacing, views of running answers, wake-up calls. It also leaves out
links to shared chats: a restore must not revive a link that was taken back. It reads the keys of one conversation in
one step. For a backup of all conversations at one moment, stop the roles first.
"""

import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, cast

from glados_bots.errors import ConfigError
from glados_bots.operations.backup_format import FORMAT, VERSION, parse
from glados_bots.processes.progress import progress
from glados_bots.store.connection import Client, reply_of
from glados_bots.store.version import DATA_VERSION, KEY, migrate

PASSING = re.compile(r"glados:\{[^}]*\}:(wake$|pace:|view:|flow:|shared?:|limit:(minute|told|open):)")
FILES = re.compile(r"glados:\{[^}]*\}:f:")  # each may be megabytes, so each is read alone
CONVERSATION = re.compile(r"glados:\{[^}]*\}:c:(.*):[a-z]+$")
BATCH = 100

READERS: dict[str, Callable[[Any, str], object]] = {
    "string": lambda pipe, key: pipe.get(key),
    "list": lambda pipe, key: pipe.lrange(key, 0, -1),
    "hash": lambda pipe, key: pipe.hgetall(key),
    "set": lambda pipe, key: pipe.smembers(key),
    "zset": lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True),
    "stream": lambda pipe, key: pipe.xrange(key),
}
WRITERS: dict[str, Callable[[Any, str, Any], object]] = {
    "string": lambda pipe, key, value: pipe.set(key, value),
    "list": lambda pipe, key, value: pipe.rpush(key, *value),
    "hash": lambda pipe, key, value: pipe.hset(key, mapping=value),
    "set": lambda pipe, key, value: pipe.sadd(key, *value),
    "zset": lambda pipe, key, value: pipe.zadd(key, dict(value)),
    "stream": lambda pipe, key, value: [pipe.xadd(key, fields, id=entry) for entry, fields in value],
}


async def lines(client: Client) -> AsyncIterator[str]:
    """The lines of the backup. Raises StoreUnavailableError if Redis fails: the lines so far are not a backup."""
    found = await reply_of(cast("Awaitable[str | None]", client.get(KEY)))
    head = {"format": FORMAT, "version": VERSION, "data_version": int(found or DATA_VERSION), "at": time.time()}
    yield json.dumps(head)
    count, keys = 0, await _keys(client)
    with progress("backup", len(keys), " keys") as advance:
        for batch in _batches(keys):
            for entry in await _read(client, batch):
                count += 1
                yield json.dumps(entry)
            advance(len(batch))
    yield json.dumps({"end": count})


async def restore(client: Client, text: Iterable[str], *, overwrite: bool = False) -> int:
    """Write a backup into Redis, and migrate it to the current format; returns the number of keys.

    This checks the whole backup before it writes anything. If Redis then refuses the backup (for example, without
    memory), it writes back what was there before. It leaves out keys that have expired since the backup.

    Args:
        client: connected to a Redis that no role uses.
        text: the lines of the backup.
        overwrite: first delete all of GLaDOS's keys there; without it, a Redis that has some is refused.

    Raises:
        ConfigError: the backup is damaged, incomplete or too new, or Redis is not empty.
        StoreUnavailableError: Redis failed during the restore; restore again, with `overwrite`.
    """
    data_version, entries = parse(text)
    present = await _keys(client, everything=True)
    if present and not overwrite:
        raise ConfigError(
            f"this Redis already holds {len(present)} keys of GLaDOS: restore into an empty one, "
            "or use --overwrite, which deletes them"
        )
    before = parse([line async for line in lines(client)]) if present else None
    alive = [entry for entry in entries if (entry["expires_at"] or float("inf")) > time.time()]
    try:
        await _replace(client, data_version, alive)
        await migrate(client)
    except BaseException:
        if before:
            await _replace(client, *before)
        raise
    return len(alive)


async def _replace(client: Client, data_version: int, entries: list[dict[str, Any]]) -> None:
    for batch in _batches(await _keys(client, everything=True)):
        await reply_of(client.delete(*batch))
    await reply_of(client.set(KEY, data_version))
    by_key = {entry["key"]: entry for entry in entries}
    with progress("restore", len(by_key), " keys") as advance:
        for batch in _batches(sorted(by_key)):
            await _write(client, [by_key[key] for key in batch])
            advance(len(batch))


async def _keys(client: Client, *, everything: bool = False) -> list[str]:
    """Our keys, sorted, so that the keys of one conversation are neighbours."""
    found: set[str] = set()
    keys = aiter(client.scan_iter(match="glados:*", count=1000))  # of all nodes of a cluster
    while (key := await reply_of(anext(keys, None))) is not None:
        if key != KEY and (everything or not PASSING.match(key)):
            found.add(str(key))
    return sorted(found)


def _batches(keys: list[str]) -> Iterator[list[str]]:
    """Groups of keys to read or write in one step: those of one conversation, or some others of one platform."""

    def whose(key: str) -> tuple[str, str]:
        found = CONVERSATION.match(key)
        if FILES.match(key):
            return key, ""
        return key.partition("}")[0], found[1] if found else ""

    for _, group in groupby(keys, key=whose):
        members = list(group)
        yield from (members[start : start + BATCH] for start in range(0, len(members), BATCH))


async def _read(client: Client, keys: list[str]) -> list[dict[str, Any]]:
    async with client.pipeline(transaction=True) as pipe:
        for key in keys:
            pipe.type(key)
        types = dict(zip(keys, await reply_of(pipe.execute()), strict=True))
    there = [key for key in keys if types[key] in READERS]
    async with client.pipeline(transaction=True) as pipe:
        for key in there:
            READERS[types[key]](pipe, key)
            pipe.pttl(key)
        found = await reply_of(pipe.execute())
    now = time.time()
    return [
        {"key": key, "type": types[key], "value": _plain(value), "expires_at": now + left / 1000 if left >= 0 else None}
        for key, value, left in zip(there, found[::2], found[1::2], strict=True)
        if value
    ]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else value


async def _write(client: Client, entries: list[dict[str, Any]]) -> None:
    async with client.pipeline(transaction=True) as pipe:
        for entry in entries:
            WRITERS[entry["type"]](pipe, entry["key"], entry["value"])
            if entry["expires_at"] is not None:
                pipe.pexpireat(entry["key"], int(entry["expires_at"] * 1000))
        await reply_of(pipe.execute())
