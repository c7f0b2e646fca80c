"""The adapter's own facts in Redis, beside the core's keys.

    glados:{discord}:at:ID          str  a thread or message of ours -> the conversation it belongs to
    glados:{discord}:words:MESSAGE  str  hash of a question's words and files: shows a change, too short to tell them
    glados:{discord}:guild:ID       set  conversations of a server
    glados:{discord}:asked          zset SERVER:CHANNEL:MESSAGE of a question (server 0: direct) -> when it was heard
    glados:{discord}:dms            zset channel of a direct conversation -> when it was last used
    glados:{discord}:locale:CHANNEL str language of the person of a direct conversation, as Discord last told it
    glados:{discord}:alive:SHARD    int  when events last arrived without a gap, ms since the epoch
    glados:{discord}:pace:global:calls zset each call under way or just done -> when Discord counted it (turns/gate.py)
    glados:{discord}:commands:SCOPE str  hash of the slash commands that Discord knows

These are ids, without any text. All except the hashes of commands expire by themselves.
"""

import hashlib
from collections.abc import Awaitable, Sequence
from typing import cast

from glados_bots.store.connection import reply_of
from glados_bots.store.marks import Latest
from glados_bots.store.store import Store

MOST_DMS = 1000
MOST_ASKED = 10_000
ASKED_S = 6 * 3600


def _mark(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:8]


class DiscordFacts:
    """Small facts of the adapter. Every method raises StoreUnavailableError when Redis is not reachable."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._client = store.client
        self._prefix = store.prefix
        self._ttl = store.ttl
        self._asked = Latest(store, "asked", MOST_ASKED, ASKED_S)
        self._dms = Latest(store, "dms", MOST_DMS, store.ttl, each=False)

    async def place(self, found: int | str, conversation: str) -> None:
        await reply_of(self._client.set(f"{self._prefix}at:{found}", conversation, ex=self._ttl))

    async def conversation(self, found: int | str) -> str | None:
        return cast("str | None", await reply_of(self._client.get(f"{self._prefix}at:{found}")))

    async def note_content(self, message: int, content: str) -> None:
        """Remember a question's words and files, so that an edit of them is told from any other change."""
        await reply_of(self._client.set(f"{self._prefix}words:{message}", _mark(content), ex=self._ttl))

    async def has_content(self, message: int, content: str) -> bool:
        return await reply_of(self._client.get(f"{self._prefix}words:{message}")) == _mark(content)

    async def is_turn(self, message: int) -> bool:
        """Whether a message is a question of a conversation."""
        return bool(await self.turns_among([message]))

    async def turns_among(self, messages: Sequence[int]) -> set[int]:
        """The messages among these that are questions of a conversation."""
        return {int(name) for name in await self._store.known_among([str(message) for message in messages])}

    async def note_asked(self, guild: int | None, channel: int, message: int) -> None:
        """Remember a question for ASKED_S seconds, so that it can be checked again after a gap."""
        await self._asked.note(f"{guild or 0}:{channel}:{message}")

    async def asked_lately(self, count: int) -> list[tuple[int, int, int]]:
        """Server (0: none), channel and message of the latest questions, newest first."""
        found = [name.split(":") for name in await self._asked.names(count)]
        return [(int(guild), int(channel), int(message)) for guild, channel, message in found]

    async def is_first(self, conversation: str, message: int) -> bool:
        return await self._store.first(conversation) in {None, str(message)}

    async def belongs_to_guild(self, conversation: str, guild: int) -> None:
        key = f"{self._prefix}guild:{guild}"
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.sadd(key, conversation)
            pipe.expire(key, self._ttl)
            await reply_of(pipe.execute())

    async def of_guild(self, guild: int) -> set[str]:
        return await reply_of(cast("Awaitable[set[str]]", self._client.smembers(f"{self._prefix}guild:{guild}")))

    async def forget_guild(self, guild: int) -> None:
        await reply_of(self._client.delete(f"{self._prefix}guild:{guild}"))

    async def used_dm(self, channel: int) -> None:
        """Remember a direct conversation, because Discord does not list them after a restart."""
        await self._dms.note(str(channel))
        await reply_of(self._client.expire(f"{self._prefix}locale:{channel}", self._ttl))

    async def note_locale(self, channel: int, tag: str) -> None:
        """Remember the language tag of a direct conversation's person."""
        await reply_of(self._client.set(f"{self._prefix}locale:{channel}", tag, ex=self._ttl))

    async def locale(self, channel: int) -> str:
        """The language tag of a direct conversation's person; empty if Discord never told it."""
        return cast("str | None", await reply_of(self._client.get(f"{self._prefix}locale:{channel}"))) or ""

    async def recent_dms(self, count: int) -> list[int]:
        """Channels of the direct conversations used last, newest first."""
        return [int(channel) for channel in await self._dms.names(count)]

    async def stamp(self, shard: str, at_ms: int) -> None:
        """Note that events of this shard arrived without a gap until `at_ms`, in ms since the epoch."""
        await reply_of(self._client.set(f"{self._prefix}alive:{shard}", at_ms, ex=self._ttl))

    async def stamped(self, shard: str) -> int | None:
        """Until when events of this shard arrived, in ms since the epoch; None if not known."""
        found = await reply_of(self._client.get(f"{self._prefix}alive:{shard}"))
        return None if found is None else int(found)

    async def synced(self, scope: str) -> str | None:
        return cast("str | None", await reply_of(self._client.get(f"{self._prefix}commands:{scope}")))

    async def note_synced(self, scope: str, digest: str) -> None:
        await reply_of(self._client.set(f"{self._prefix}commands:{scope}", digest))
