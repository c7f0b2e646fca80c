"""Which link leads to which chat. A chat has one link at most.

    glados:{web}:share:HASH    str   JSON: conversation, until, at; HASH is the SHA-256 of the link's token
    glados:{web}:shared:CONV   str   HASH of the conversation's link

Redis does not hold the token, so nobody who reads the database can open a link, and we cannot show a link again. A
backup leaves both keys out, so that restoring one never revives a link that was taken back.
"""

import json
import re
import secrets
import time
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from typing import cast

from glados_bots.conversation import Exchange
from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_web.door.sessions import hash_of

TOKEN_BYTES = 24
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True, slots=True)
class Share:
    """What a link shows."""

    conversation: str
    until: float  # `Exchange.at` of the newest answer when the link was made; it shows nothing that ended later
    at: float  # when the link was made, in seconds since the epoch


class Links:
    """The links of all chats. A link ends with its chat."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._client = store.client

    async def make(self, conversation: str) -> str | None:
        """Make the link of a chat and end its old one. Return the token; None if the chat has no answer yet."""
        history = await self._store.history(conversation)
        if not history:
            return None
        token = secrets.token_urlsafe(TOKEN_BYTES)
        share = Share(conversation, max(exchange.at for exchange in history), time.time())
        old = await self._hash(conversation)
        async with self._client.pipeline(transaction=True) as pipe:
            if old:
                pipe.delete(self._share(old))
            pipe.set(self._share(hash_of(token)), json.dumps(asdict(share)), ex=self._store.ttl)
            pipe.set(self._shared(conversation), hash_of(token), ex=self._store.ttl)
            await reply_of(pipe.execute())
        return token

    async def is_shared(self, conversation: str) -> bool:
        return await self._hash(conversation) is not None

    async def end(self, conversation: str) -> None:
        """Take the link back. From now on it leads nowhere."""
        name = await self._hash(conversation)
        await reply_of(self._client.delete(self._shared(conversation), *([self._share(name)] if name else [])))

    async def keep(self, conversation: str) -> None:
        """Keep the link as long as the chat, because a question was accepted."""
        if name := await self._hash(conversation):
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.expire(self._shared(conversation), self._store.ttl)
                pipe.expire(self._share(name), self._store.ttl)
                await reply_of(pipe.execute())

    async def open(self, token: str) -> tuple[Share, list[Exchange]] | None:
        """Return what a link shows; None if it leads nowhere.

        The chat must name the link as its own. So a link that lost a race with a newer one leads nowhere either.
        """
        if not TOKEN.fullmatch(token):
            return None
        name = hash_of(token)
        found = await reply_of(cast("Awaitable[str | None]", self._client.get(self._share(name))))
        share = Share(**json.loads(found)) if found else None
        if share is None or await self._hash(share.conversation) != name:
            return None
        shown = [each for each in await self._store.history(share.conversation) if each.at <= share.until]
        return (share, shown) if shown else None

    async def _hash(self, conversation: str) -> str | None:
        return await reply_of(cast("Awaitable[str | None]", self._client.get(self._shared(conversation))))

    def _share(self, name: str) -> str:
        return f"{self._store.prefix}share:{name}"

    def _shared(self, conversation: str) -> str:
        return f"{self._store.prefix}shared:{conversation}"
