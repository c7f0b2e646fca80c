"""When the bot joined a thread: from then on nobody need mention it there.

glados:{slack}:in:CONVERSATION   str   timestamp of the first question that it took in there
"""

import asyncio

from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store
from glados_slack.connection.places import Event, conversation_of, seconds

YOUNG_S = 5.0  # a thread's first question is taken in by then, or nearly
LOOKS, NAP_S = 8, 0.15
# KEYS[1] the thread; ARGV: a timestamp, seconds to keep it. Timestamps are compared as text: they have as many digits
# since 2001, and a number would lose the last ones.
_JOIN = """
local known = redis.call('GET', KEYS[1])
if known and known < ARGV[1] then ARGV[1] = known end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
"""


class Joining:
    """Knows the threads the bot is in. Every method raises StoreUnavailableError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._join = store.client.register_script(_JOIN)

    async def join(self, conversation: str, ts: str) -> None:
        """A question of this time was taken in; the earliest one counts."""
        await reply_of(self._join(keys=[self._key(conversation)], args=[ts, self._store.ttl]))

    async def of(self, conversation: str) -> str:
        """When the bot joined a thread; empty when it has not."""
        return str(await reply_of(self._store.client.get(self._key(conversation))) or "")

    async def soon(self, event: Event) -> str:
        """The same, though the question that begins the thread may be on its way in another process."""
        looks = LOOKS if seconds(event.ts) - seconds(event.thread) < YOUNG_S else 1
        for look in range(looks):
            if look:
                await asyncio.sleep(NAP_S)
            if joined := await self.of(conversation_of(event.channel, event.thread)):
                return joined
        return ""

    def _key(self, conversation: str) -> str:
        return f"{self._store.prefix}in:{conversation}"
