"""All that a store holds, for tests that look for what must not be left anywhere."""

from pathlib import Path
from typing import Any

from glados_bots.store.connection import Client

MARKER = "xyzzy-4711"  # words that stand nowhere else


async def contents(client: Client) -> dict[str, str]:
    """The content of every key as text; a key that runs out while it is read is not there."""
    found = {key: await _content(client, key) async for key in client.scan_iter("*")}
    return {key: content for key, content in found.items() if content is not None}


async def holding(client: Client, text: str) -> list[str]:
    """The keys with a text in their name or content."""
    return [key for key, content in (await contents(client)).items() if text in key or text in content]


def on_disk(folder: Path, text: str) -> list[Path]:
    """The files with a text in them."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def _content(client: Client, key: str) -> str | None:
    read: Any = client
    match str(await client.type(key)):
        case "string":
            found = await read.get(key)
        case "hash":
            found = await read.hgetall(key)
        case "set":
            found = await read.smembers(key)
        case "list":
            found = await read.lrange(key, 0, -1)
        case "zset":
            found = await read.zrange(key, 0, -1, withscores=True)
        case "stream":
            found = await read.xrange(key)
        case _:
            return None
    return str(found) if found else None
