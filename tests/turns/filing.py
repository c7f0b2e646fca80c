"""A worker in a process of its own, on a platform whose messages and files outlive it.

python -m tests.turns.filing REDIS MODEL
"""

import asyncio
import base64
import json
import sys

from glados_bots.conversation import Turn
from glados_bots.settings import Settings
from glados_bots.store.connection import Client, connect
from glados_bots.store.store import Store
from glados_bots.surface import FileLimits, MessageGoneError, TableLimits, View
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.worker import Worker
from glados_bots.wire.client import InferenceClient
from tests.fakes.surface import MemorySurface

PLATFORM, MESSAGES = "test", "glados:messages"
LIMITS = FileLimits(TableLimits(10, 10, 1_000))


class LastingSurface(MemorySurface):
    """Messages in Redis. A nonce is a message's id, so a repeated post is the same message."""

    files_out: FileLimits | None = LIMITS

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    async def post(self, turn: Turn, view: View, nonce: str) -> str:
        """Create a message."""
        await self._show(turn, nonce, view)
        return nonce

    async def find(self, turn: Turn, nonce: str) -> str | None:
        """A message that was created."""
        del turn
        return nonce if await self._client.hexists(MESSAGES, nonce) else None

    async def edit(self, turn: Turn, post: str, view: View) -> None:
        """Change a message with its files."""
        if not await self._client.hexists(MESSAGES, post):
            raise MessageGoneError(post)
        await self._show(turn, post, view)

    async def remove(self, turn: Turn, post: str) -> None:
        """Delete a message."""
        del turn
        await self._client.hdel(MESSAGES, post)

    async def _show(self, turn: Turn, post: str, view: View) -> None:
        files = [[file.name, base64.b64encode(file.content).decode()] for file in view.files]
        message = {"turn": turn.id, "state": view.state, "chunk": view.chunk, "files": files}
        await self._client.hset(MESSAGES, post, json.dumps(message))


def store(redis_url: str) -> Store:
    """As such a process has it. The next process of its name gets its turns at once."""
    return Store(connect(redis_url), PLATFORM, ttl=3600, max_exchanges=50, lease_s=600, owner="here")


async def _main(redis_url: str, model_url: str) -> None:
    kept = store(redis_url)
    pacer, surface = Pacer(kept.client, kept.prefix), LastingSurface(kept.client)
    await Worker(kept, surface, InferenceClient(model_url), pacer, Settings(_env_file=None)).run()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
