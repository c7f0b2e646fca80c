"""Tells people that the bot has seen their waiting question, and how many questions of the thread go first.

Only the holder of the conversation's lease posts notices, so each waiting turn gets one placeholder. The worker that
answers the turn later edits that message. Notices are posted beside the answer, which never waits for them. Messages
stand in the order of their questions: no notice comes before the answer's first message, or below a failed one.
"""

import asyncio
import logging
from collections.abc import Sequence

from glados_bots.store.leases import Lease
from glados_bots.store.store import Store
from glados_bots.surface import Surface, View
from glados_bots.turns.display import nonce
from glados_bots.turns.pacing import Pacer
from glados_bots.wording.sentence import Sentence, say

log = logging.getLogger(__name__)


class QueueNotices:
    """The placeholders of the turns that wait behind one running turn."""

    def __init__(self, surface: Surface, store: Store, pacer: Pacer, lease: Lease, begun: asyncio.Event) -> None:
        self._surface = surface
        self._store = store
        self._pacer = pacer
        self._lease = lease
        self._begun = begun
        self._told: dict[str, Sentence] = {}
        self._queued: Sequence[str] = ()
        self._work: asyncio.Task[None] | None = None
        self._closed = False

    def show(self, queued: Sequence[str]) -> None:
        """Bring the notices up to date, in a separate task."""
        self._queued = queued
        if queued and not self._closed and (self._work is None or self._work.done()):
            self._work = asyncio.create_task(self._update(), name=f"notices behind {self._lease.turn.id}")

    async def close(self) -> None:
        """Post nothing more, and return when running requests are done: the next worker must find their ids."""
        self._closed = True
        self._begun.set()
        if self._work:
            await asyncio.gather(self._work, return_exceptions=True)

    async def _update(self) -> None:
        """Update all notices. A failure is only logged: answers do not need notices, and the next heartbeat retries."""
        await self._begun.wait()
        for place, turn_id in enumerate(self._queued, start=1):
            if self._closed:
                return
            try:
                await self._tell(turn_id, say("queued-next") if place == 1 else say("queued", count=place))
            except Exception as error:  # noqa: BLE001 - whatever a platform's client raises
                log.warning("turn %s: its queue notice could not be shown: %s", turn_id, error)
                return

    async def _tell(self, turn_id: str, notice: Sentence) -> None:
        """Post or edit one notice. If the budget has no room for an edit, the next heartbeat tries again."""
        asked = await self._store.asked_of(turn_id)
        notice = say("stopped") if asked == "stop" else notice
        if asked == "delete" or self._told.get(turn_id) == notice:
            return
        turn, posts = await self._store.turn(turn_id), await self._store.posts(turn_id)
        if turn is None:
            return
        view = View("", notice.in_language(turn.language), "waiting", is_last=True)
        if not posts:
            post = await self._surface.post(turn, view, nonce(turn_id, 0))
            await self._store.save_posts(self._lease, turn_id, [post])
        elif await self._pacer.try_once(self._surface.budget(turn), turn_id):
            await self._surface.edit(turn, posts[0], view)
        else:
            return
        self._told[turn_id] = notice
