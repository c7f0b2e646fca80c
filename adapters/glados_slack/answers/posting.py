"""Creating messages exactly once, though Slack knows no key for it.

Before a message is created, Redis is told; afterwards, its id. Whoever finds the first without the second looks in the
thread: a message made by chat.postMessage carries its name as metadata, and a stream is the only one of ours that is
unfinished there, because a thread is answered in order.

The notice of a waiting question and the first message of its answer have one name, so that whoever begins the answer
finds the notice, also one whose id was lost; and a notice that comes too late finds that the answer has begun.

    glados:{slack}:made:NONCE   str   '' while a message is being made, then its id
    glados:{slack}:born:TURN    set   names of its messages that are being made
"""

import logging
from collections.abc import Awaitable, Sequence
from typing import Any, cast

from glados_bots.conversation import Turn
from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_slack.connection.budgets import budget
from glados_slack.connection.calls import Calls, RefusedError
from glados_slack.connection.paging import all_pages

log = logging.getLogger(__name__)

KEPT_S = 24 * 3600
PAGE, MOST_PAGES = 200, 10
EVENT = "glados_answer"
NOTICE = "q"  # before the timestamp of a message that is the notice of a waiting question
# KEYS[1] the name; ARGV: id, seconds to keep it. A notice takes the name only while nobody else has it.
# Each returns what was known before, '' for nothing.
_MADE = """
local before = redis.call('GET', KEYS[1]) or ''
if before == '' or string.sub(ARGV[1], 1, 1) ~= 'q' then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
return before
"""


class CreationLog:
    """What is known about messages being made."""

    def __init__(self, store: Store, calls: Calls) -> None:
        self._store = store
        self._calls = calls
        self._made = store.client.register_script(_MADE)

    async def begin(self, turn: Turn, nonce: str, *, is_notice: bool = False) -> str | None:
        """The id of the message made under this name before, if there is one; else it may be made now.

        Raises StoreUnavailableError, or what `Calls` raises: then nobody knows, and nothing may be made yet.
        """
        key = self._key(nonce)
        if not is_notice:
            await self._begin(turn, nonce)
        if await reply_of(self._store.client.set(key, "", nx=True, ex=KEPT_S)):
            return None
        known = await reply_of(cast("Awaitable[str | None]", self._store.client.get(key)))
        if known:
            await self._end(turn, nonce)
            return known
        found = await self._look(turn, nonce, is_notice=is_notice)
        if found:
            await self.done(turn, nonce, found)
        return found

    async def known(self, turn: Turn, nonce: str) -> str | None:
        """The id of the message made under this name, if there is one; nothing is begun."""
        found = await reply_of(cast("Awaitable[str | None]", self._store.client.get(self._key(nonce))))
        return await self._look(turn, nonce, is_notice=False) if found == "" else found

    async def lost(self, turn: Turn) -> list[str]:
        """Ids of messages of a turn that were being made when nobody noted how that ended.

        Only whoever holds the lease of the conversation may ask: nobody else writes in the thread then.
        """
        names = await reply_of(cast("Awaitable[set[str]]", self._store.client.smembers(self._born(turn))))
        found = [await self._look(turn, name, is_notice=False) for name in sorted(names)]
        return [one.removeprefix(NOTICE) for one in found if one]

    async def forget(self, turn: Turn) -> None:
        await reply_of(self._store.client.delete(self._born(turn)))

    async def _begin(self, turn: Turn, nonce: str) -> None:
        async with self._store.client.pipeline(transaction=True) as pipe:
            pipe.sadd(self._born(turn), nonce)
            pipe.expire(self._born(turn), KEPT_S)
            await reply_of(pipe.execute())

    async def done(self, turn: Turn, nonce: str, post: str) -> str:
        """The message exists; returns what somebody else has made meanwhile under its name, '' for nothing.

        A notice gives way to what was there; all others take its place. Whoever is told of another deletes the notice.
        """
        before = str(await reply_of(self._made(keys=[self._key(nonce)], args=[post, KEPT_S])))
        await self._end(turn, nonce)
        return "" if before == post else before

    async def again(self, turn: Turn, nonce: str) -> None:
        """What stood there is gone, and another message is about to be made under its name."""
        await self._begin(turn, nonce)
        await reply_of(self._store.client.set(self._key(nonce), "", ex=KEPT_S))

    async def failed(self, turn: Turn, nonce: str) -> None:
        """The message surely does not exist: the call did not reach Slack, or was refused."""
        await reply_of(self._store.client.delete(self._key(nonce)))
        await self._end(turn, nonce)

    async def _end(self, turn: Turn, nonce: str) -> None:
        call: Any = self._store.client.srem(self._born(turn), nonce)
        await reply_of(call)

    async def _look(self, turn: Turn, nonce: str, *, is_notice: bool) -> str | None:
        return next(iter(await self.standing(turn, [nonce], is_notice=is_notice)), None)

    async def standing(self, turn: Turn, nonces: Sequence[str], *, is_notice: bool = False) -> list[str]:
        """Ids of messages in the turn's thread that have such a name, or are streams, which have none; newest first."""
        place = turn.place
        bot = (await self._calls.install(place)).bot_user
        method = "conversations.replies"

        async def page(cursor: str | None) -> Any:
            await self._calls.wait(budget(place["team"], method), turn.id)
            return await self._calls(
                place, method, channel=place["channel"], ts=place["thread"], oldest=place["ts"], limit=PAGE,
                cursor=cursor, include_all_metadata=True,
            )  # fmt: skip

        try:
            thread, _ = await all_pages(page, MOST_PAGES)
        except RefusedError as error:  # no right to read here: better twice than not at all
            log.warning("turn %s: cannot look for a message that may have been made: %s", turn.id, error)
            return []
        found = []
        for message in reversed(thread):
            name, waits = _name(message)
            # While a question waits, the stream is the answer to another one.
            is_stream = message.get("streaming_state") == "in_progress" and not is_notice
            if message.get("user") == bot and (name in nonces or is_stream):
                found.append((NOTICE if waits else "") + str(message["ts"]))
        return found

    def _key(self, nonce: str) -> str:
        return f"{self._store.prefix}made:{nonce}"

    def _born(self, turn: Turn) -> str:
        return f"{self._store.prefix}born:{turn.id}"


def metadata(nonce: str, *, is_notice: bool) -> dict[str, Any]:
    """What a message carries to be found again; it is visible to every app, so it says nothing."""
    return {"event_type": EVENT, "event_payload": {"name": nonce, "waits": is_notice}}


def _name(message: dict[str, Any]) -> tuple[str, bool]:
    """What `metadata` has put there: the message's name, and whether it is a notice."""
    found = (message.get("metadata") or {}).get("event_payload") or {}
    return str(found.get("name", "")), bool(found.get("waits"))
