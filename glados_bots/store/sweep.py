"""Find and delete everything stored about a person or thread, in the core's and the adapters' keys, by the ids in it.

A search through all keys of a platform is slow, but it also finds what a future adapter stores.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store

Walk = Callable[[list[str]], Iterable[str]]  # goes through keys, and may show how far it is

# Keys of the core that stay: workers end waiting and running turns; the scripts delete files with their turn; ids of
# accepted events stay for a day (records.py); limits hide whom they count.
LEFT = ("t:", "f:", "c:", "ready", "wake", "dead", "seen:", "limit:", "pace:", "ch:")


async def shorten(store: Store, walk: Walk = iter) -> int:
    """Lower each key's time to live to the store's, after an operator lowered the setting; returns how many changed."""
    count = 0
    for key in walk(await keys(store)):
        left = await reply_of(store.client.ttl(key))
        if left > store.ttl:
            await reply_of(store.client.expire(key, store.ttl))
            count += 1
    return count


async def sweep(store: Store, names: Iterable[str], walk: Walk = iter) -> int:
    """Delete what an adapter stores under or about these ids; returns the number of deleted keys and entries."""
    wanted = re.compile(r"(?<![\w-])(?:" + "|".join(re.escape(name) for name in sorted(names)) + r")(?![\w-])")
    count = 0
    for key in walk(await keys(store)):
        name = key.removeprefix(store.prefix)
        if name.startswith(LEFT):
            continue
        if wanted.search(name):
            count += int(await reply_of(store.client.delete(key)))
        else:
            count += await _strike(store, key, wanted)
    return count


async def _strike(store: Store, key: str, wanted: re.Pattern[str]) -> int:
    """Delete the entries of one key that are about these ids; returns their number."""
    client: Any = store.client
    match await reply_of(client.type(key)):
        case "string":
            value = await reply_of(client.get(key))
            return int(await reply_of(client.delete(key))) if value and wanted.search(value) else 0
        case "hash":
            fields = await reply_of(client.hgetall(key))
            hit = [name for name, value in fields.items() if wanted.search(name) or wanted.search(value)]
            return int(await reply_of(client.hdel(key, *hit))) if hit else 0
        case "set":
            hit = [member for member in await reply_of(client.smembers(key)) if wanted.search(member)]
            return int(await reply_of(client.srem(key, *hit))) if hit else 0
        case "zset":
            hit = [member for member in await reply_of(client.zrange(key, 0, -1)) if wanted.search(member)]
            return int(await reply_of(client.zrem(key, *hit))) if hit else 0
        case "list":
            hit = [member for member in await reply_of(client.lrange(key, 0, -1)) if wanted.search(member)]
            return sum([int(await reply_of(client.lrem(key, 0, member))) for member in hit])
    return 0


async def keys(store: Store, kind: str = "") -> list[str]:
    """All keys of the platform, or those of one kind. `{` and `}` in the prefix have no special meaning to SCAN."""
    keys, found = aiter(store.client.scan_iter(match=f"{store.prefix}{kind}*", count=1000)), set()
    while (key := await reply_of(anext(keys, None))) is not None:
        found.add(str(key))
    return sorted(found)
