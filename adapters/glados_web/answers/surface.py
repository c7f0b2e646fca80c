"""Where web answers appear: a view in Redis for each turn, and a published hint when it changes.

    glados:{web}:view:CONV:TURN   str       JSON of the view
    glados:{web}:view:CONV        channel   the turn whose view has changed; empty: the chat's turns are others

The page's streams read it from there, so it does not matter which process answers and which one holds the browser's
connection, and a reload in the middle of an answer finds it.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Collection, Sequence
from dataclasses import asdict
from typing import cast

from glados_bots.conversation import Turn
from glados_bots.store.connection import Client, reply_of
from glados_bots.store.store import Store
from glados_bots.surface import Budget, PlainAnswer, View

VIEW_SECONDS = 3600  # a finished turn is in the history; its view only bridges the moment
UPDATES_PER_SECOND = 20
POST = "page"  # the page has one place for each turn
FINAL = ("done", "stopped", "failed", "removed")


class WebSurface:
    """The `Surface` of the page.

    `streams` is a client of its own: each browser that watches an answer holds one of its connections, and however many
    there are, the worker's are not among them.
    """

    longest_call_s = 0.0  # Redis does at once what it is told

    def __init__(self, store: Store, streams: Client) -> None:
        self._store = store
        self._streams = streams

    def answer(self, turn: Turn) -> PlainAnswer:
        """The markdown as it is: the page's stream renders it for each browser."""
        del turn
        return PlainAnswer()

    def budget(self, turn: Turn) -> Budget:
        """Each answer has its own: a browser is not rate-limited, but eyes are."""
        return Budget(f"page:{turn.id}", UPDATES_PER_SECOND, 1.0)

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        del nonce
        await self._write(turn, asdict(view))
        return POST

    async def find(self, turn: Turn, nonce: str) -> str | None:
        """There is one view, and everybody knows its name."""
        del turn, nonce
        return None

    async def strays(self, turn: Turn, nonces: Sequence[str], posts: Collection[str]) -> list[str]:
        """None: there is one view."""
        del turn, nonces, posts
        return []

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        del post
        await self._write(turn, asdict(view))

    async def remove(self, turn: Turn, post: str) -> None:
        """Show that the question was deleted."""
        del post
        await self._write(turn, {"chunk": "", "notice": "", "state": "removed"})

    async def forget(self, conversation: str, turn: str) -> None:
        """Drop the view of a deleted or regenerated answer, so that nobody takes its old end for the new one."""
        await reply_of(self._store.client.delete(self._key(conversation, turn)))

    async def tell(self, conversation: str) -> None:
        """Tell whoever looks at a chat that its turns are others than before."""
        await reply_of(self._store.client.publish(self._channel(conversation), ""))

    async def changes(self, conversation: str, every_s: float) -> AsyncIterator[str | None]:
        """Hints about a chat without end: the turn whose view has changed, or an empty text when its turns have.

        None comes first, and when there was no hint for so long.
        """
        async with self._streams.pubsub(ignore_subscribe_messages=True) as pubsub:
            await reply_of(pubsub.subscribe(self._channel(conversation)))
            yield None
            while True:
                message = await reply_of(pubsub.get_message(timeout=every_s))
                yield str(message["data"]) if message else None

    async def view(self, conversation: str, turn: str) -> dict[str, str] | None:
        """How a turn looks, as far as a worker has shown it."""
        found = await reply_of(cast("Awaitable[str | None]", self._store.client.get(self._key(conversation, turn))))
        return dict(json.loads(found)) if found else None

    async def _write(self, turn: Turn, view: dict[str, object]) -> None:
        key = self._key(turn.conversation, turn.id)
        async with self._store.client.pipeline(transaction=True) as pipe:
            pipe.set(key, json.dumps(view), ex=VIEW_SECONDS)
            pipe.publish(self._channel(turn.conversation), turn.id)
            await reply_of(pipe.execute())

    def _key(self, conversation: str, turn: str) -> str:
        """The conversation is part of the name: who owns one cannot read the answers of another."""
        return f"{self._channel(conversation)}:{turn}"

    def _channel(self, conversation: str) -> str:
        return f"{self._store.prefix}view:{conversation}"
