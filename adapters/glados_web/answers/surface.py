"""Where web answers appear: one view per turn in Redis, and a published hint when it changes.

    glados:{web}:view:CONV:TURN   str       JSON of the view
    glados:{web}:view:CONV        channel   the turn whose view changed; empty: the chat's list of turns changed

The page's streams read the view from Redis. So any process may answer, and any process may hold the browser's
connection. A page that reloads in the middle of an answer finds it.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Collection, Sequence
from dataclasses import asdict, replace
from typing import cast

from glados_bots.conversation import Attachment, Turn
from glados_bots.store.connection import Client, reply_of
from glados_bots.store.store import Store
from glados_bots.surface import Budget, FileLimits, PlainAnswer, UnreadableError, View
from glados_bots.wording.sentence import say

VIEW_SECONDS = 3600  # the history has a finished turn; its view only bridges the time until then
UPDATES_PER_SECOND = 20
POST = "page"  # the page has one place per turn
FINAL = ("done", "stopped", "failed", "removed")


class WebSurface:
    """The `Surface` of the page.

    `streams` is a Redis client of its own. Each browser that follows a chat holds one of its connections, so browsers
    never use up the worker's connections.
    """

    longest_call_s = 0.0  # Redis writes at once
    files_out: FileLimits | None = None  # the page shows everything

    def __init__(self, store: Store, streams: Client) -> None:
        self._store = store
        self._streams = streams
        self._fetching = asyncio.Lock()  # base64 needs several times a file's memory: one after the other

    def answer(self, turn: Turn) -> PlainAnswer:
        """Keep the markdown unchanged: the page's stream renders it per browser."""
        del turn
        return PlainAnswer()

    def budget(self, turn: Turn) -> Budget:
        """Return a budget per answer. Browsers have no rate limit, but nobody reads faster."""
        return Budget(f"page:{turn.id}", UPDATES_PER_SECOND, 1.0)

    async def fetch(self, turn: Turn, attachment: Attachment, most: int) -> bytes:
        """Return what the browser sent. Redis holds it until a worker has read it."""
        async with self._fetching:
            found = await self._store.upload(turn.id, attachment.id)
            if found is None:
                raise UnreadableError(say("file-gone"))
            content = base64.b64decode(found)
        if len(content) > most:
            raise UnreadableError(say("file-too-large", most=most // 2**20))
        return content

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        del nonce
        await self._write(turn, asdict(replace(view, files=())))
        return POST

    async def find(self, turn: Turn, nonce: str) -> str | None:
        """Return None: a turn has one view, and its key is known."""
        del turn, nonce
        return None

    async def strays(self, turn: Turn, nonces: Sequence[str], posts: Collection[str]) -> list[str]:
        """Return an empty list: a turn has only one view."""
        del turn, nonces, posts
        return []

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        del post
        await self._write(turn, asdict(replace(view, files=())))

    async def remove(self, turn: Turn, post: str) -> None:
        """Show that the question was deleted."""
        del post
        await self._write(turn, {"chunk": "", "notice": "", "state": "removed"})

    async def forget(self, conversation: str, turn: str) -> None:
        """Drop the view of a deleted or regenerated answer, so that nobody takes its old end for the new one."""
        await reply_of(self._store.client.delete(self._key(conversation, turn)))

    async def tell(self, conversation: str) -> None:
        """Publish that the chat's list of turns changed."""
        await reply_of(self._store.client.publish(self._channel(conversation), ""))

    async def changes(self, conversation: str, every_s: float) -> AsyncIterator[str | None]:
        """Yield hints about a chat forever: the turn whose view changed, or an empty text when the list changed.

        Yield None first, and whenever no hint came for `every_s` seconds.
        """
        async with self._streams.pubsub(ignore_subscribe_messages=True) as pubsub:
            await reply_of(pubsub.subscribe(self._channel(conversation)))
            yield None
            while True:
                message = await reply_of(pubsub.get_message(timeout=every_s))
                yield str(message["data"]) if message else None

    async def view(self, conversation: str, turn: str) -> dict[str, str] | None:
        """Return the view of a turn; None if no worker has written it, or it has expired."""
        found = await reply_of(cast("Awaitable[str | None]", self._store.client.get(self._key(conversation, turn))))
        return dict(json.loads(found)) if found else None

    async def _write(self, turn: Turn, view: dict[str, object]) -> None:
        key = self._key(turn.conversation, turn.id)
        async with self._store.client.pipeline(transaction=True) as pipe:
            pipe.set(key, json.dumps(view), ex=VIEW_SECONDS)
            pipe.publish(self._channel(turn.conversation), turn.id)
            await reply_of(pipe.execute())

    def _key(self, conversation: str, turn: str) -> str:
        """Put the conversation into the key: the owner of one cannot read answers of another."""
        return f"{self._channel(conversation)}:{turn}"

    def _channel(self, conversation: str) -> str:
        return f"{self._store.prefix}view:{conversation}"
