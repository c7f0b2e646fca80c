"""Tells people whose question waits behind another one of their thread that it was seen.

Only the holder of the conversation's lease posts there, so a waiting turn's placeholder is created once, and the worker
that answers it later edits that very message.
"""

import logging

from glados_bots.display import nonce
from glados_bots.store import Lease, Store
from glados_bots.surface import Surface, View

log = logging.getLogger(__name__)


class QueueNotices:
    """Placeholders of the turns queued behind one running turn."""

    def __init__(self, surface: Surface, store: Store, lease: Lease) -> None:
        self._surface = surface
        self._store = store
        self._lease = lease
        self._told: set[str] = set()

    async def show(self, queued: tuple[str, ...]) -> None:
        """Post a placeholder for each turn that has none yet. A failure is only logged: answers do not need it."""
        for place, turn_id in enumerate(queued, start=1):
            if turn_id in self._told:
                continue
            self._told.add(turn_id)
            turn = await self._store.turn(turn_id)
            if turn is None or await self._store.posts(turn_id):
                continue
            notice = f"Queued: {'next' if place == 1 else f'{place} answers before this one'}."
            try:
                post = await self._surface.post(turn, View("", notice, "waiting", is_last=True), nonce(turn_id, 0, 0))
            except Exception as error:  # noqa: BLE001 - whatever a platform's client raises
                log.warning("turn %s: no queue notice could be posted: %s", turn_id, error)
                continue
            await self._store.note_posts(self._lease, turn_id, [post])
