"""Marks of messages whose change was heard, so that a change counts also when it is delivered before its message.

Slack repeats an event that was not acknowledged, and keeps no order while it does: a deletion or an edit that one
process took may come before the question that another one has lost.

    glados:{slack}:deleted:MESSAGE   str   this message was deleted
    glados:{slack}:edited:MESSAGE    str   when the newest edit that we know of was made, as Slack's timestamp
"""

from typing import Any

from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store

# An event is tried again at once, after one minute and after five (docs.slack.dev, "The Events API", Retries); an hour
# is for Slack's own delays.
KEPT_S = 3600 + 60 + 300
# KEYS[1] the mark; ARGV: the edit's timestamp, seconds to keep it. Returns 1 unless a newer one is known. Timestamps
# are compared as text: they have as many digits since 2001, and a number would lose the last ones.
_EDITED = """
local known = redis.call('GET', KEYS[1])
if known and known > ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""


class HeardChanges:
    """What is known of messages that may not have come yet. Every method raises StoreUnavailableError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._edited = store.client.register_script(_EDITED)

    async def delete(self, message: str) -> None:
        """Delete a question, now or when it comes.

        The mark is set before anything else, and who takes a question in looks for it afterwards (`follow`): whichever
        of two processes is the later one deletes it.
        """
        await reply_of(self._store.client.set(self._deleted(message), 1, ex=KEPT_S))
        await self._store.change(message, "delete")

    async def is_deleted(self, message: str) -> bool:
        call: Any = self._store.client.exists(self._deleted(message))
        return bool(await reply_of(call))

    async def follow(self, message: str) -> None:
        """A question was accepted: delete it if its deletion came first."""
        if await self.is_deleted(message):
            await self._store.change(message, "delete")

    async def is_newest_edit(self, message: str, at: str) -> bool:
        """Whether no later edit of a message was heard; `at` is Slack's timestamp of the edit, empty if unknown."""
        key = f"{self._store.prefix}edited:{message}"
        return not at or bool(await reply_of(self._edited(keys=[key], args=[at, KEPT_S])))

    def _deleted(self, message: str) -> str:
        return f"{self._store.prefix}deleted:{message}"
