"""Who may see which chat: a chat belongs to the owner that began it, and to no other.

    glados:{web}:chats:OWNER    zset  conversation -> time of its last question
    glados:{web}:owner:CONV     str   the owner of the conversation
    glados:{web}:title:CONV     str   the chat's title in the list: its first question

An owner is a browser, or a person who signed in by name: see glados_web/door/sessions.py.
"""

import re
import secrets
import time

from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_web.door.sessions import Session

MOST_CHATS = 200
UNASKED_S = 3600  # how long we keep a chat without an accepted question
TITLE_CHARS = 60
CONVERSATION = re.compile(r"[A-Za-z0-9_-]{22}")


def new_conversation() -> str:
    """A conversation id of 128 random bits."""
    return secrets.token_urlsafe(16)


class Chats:
    """The chats of all owners."""

    def __init__(self, store: Store, ttl: int) -> None:
        self._client = store.client
        self._prefix = store.prefix
        self._ttl = ttl

    async def owns(self, session: Session, conversation: str) -> bool:
        if not CONVERSATION.fullmatch(conversation):
            return False
        return bool(await reply_of(self._client.get(self._key("owner", conversation))) == session.owner)

    async def is_free(self, conversation: str) -> bool:
        """Whether an id is nobody's yet."""
        if not CONVERSATION.fullmatch(conversation):
            return False
        return not await reply_of(self._client.exists(self._key("owner", conversation)))

    async def claim(self, session: Session, conversation: str, question: str) -> bool:
        """Begin or continue a conversation. Return False if it is another owner's, or its id is invalid.

        A new conversation expires after UNASKED_S, unless `keep` follows once the question is accepted.
        """
        if not CONVERSATION.fullmatch(conversation):
            return False
        owner, title = self._key("owner", conversation), self._key("title", conversation)
        await reply_of(self._client.set(owner, session.owner, nx=True, ex=UNASKED_S))
        if not await self.owns(session, conversation):
            return False
        chats = self._key("chats", session.owner)
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.zadd(chats, {conversation: time.time()})
            pipe.zremrangebyrank(chats, 0, -MOST_CHATS - 1)
            pipe.set(title, shorten(question), nx=True, ex=UNASKED_S)
            pipe.expire(chats, UNASKED_S, nx=True)
            await reply_of(pipe.execute())
        return True

    async def keep(self, session: Session, conversation: str) -> None:
        """Keep a chat as long as its answers, because a question was accepted."""
        names = (("chats", session.owner), ("owner", conversation), ("title", conversation))
        async with self._client.pipeline(transaction=True) as pipe:
            for kind, name in names:
                pipe.expire(self._key(kind, name), self._ttl)
            await reply_of(pipe.execute())

    async def of(self, session: Session) -> list[tuple[str, str]]:
        """Return a visitor's conversations and titles, newest first. A title is empty if nothing was asked."""
        found = [str(chat) for chat in await reply_of(self._client.zrevrange(self._key("chats", session.owner), 0, -1))]
        if not found:
            return []
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.mget([self._key("owner", chat) for chat in found])
            pipe.mget([self._key("title", chat) for chat in found])
            owners, titles = await reply_of(pipe.execute())
        return [
            (chat, title or "")
            for chat, owner, title in zip(found, owners, titles, strict=True)
            if owner == session.owner
        ]

    async def untitle(self, conversation: str) -> None:
        """Delete the title of a cleared chat: its next question becomes the title."""
        await reply_of(self._client.delete(self._key("title", conversation)))

    async def forget(self, session: Session, conversation: str) -> None:
        """Remove a conversation from the list. Its id keeps its owner until it expires: nobody else can claim it."""
        await reply_of(self._client.zrem(self._key("chats", session.owner), conversation))
        await self.untitle(conversation)

    def _key(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{name}"


def shorten(question: str) -> str:
    """Return a question as one line that fits into the list."""
    line = " ".join(question.split())
    return line if len(line) <= TITLE_CHARS else f"{line[: TITLE_CHARS - 1]}…"
