"""Finish: one turn, from leased question to final answer. This is the heart.

The promise: every accepted message gets exactly one final answer, in its own thread, in order. A turn may be begun many
times, by workers that die; each continues in the messages its predecessors posted, and only the lease's holder ends it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from glados_bots.conversation import Exchange
from glados_bots.metrics import FINISHED, LATENCY, TOKENS
from glados_bots.store.leases import Action, Ending, Lease
from glados_bots.store.store import Store
from glados_bots.surface import PlaceGoneError, Surface
from glados_bots.turns import in_hand
from glados_bots.turns.answering import Answering
from glados_bots.turns.display import Display
from glados_bots.turns.insistence import LeaseLostError
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.queue_notices import QueueNotices
from glados_bots.turns.served_models import ServedModels
from glados_bots.wire.client import InferenceClient
from glados_bots.wording.sentence import say

log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_FAILURES = 4
MOST_DEATHS = 3  # of processes that were at this turn's own work, one after the other; see in_hand.py


class TurnRun:
    """The work on one leased turn. `run` returns when the turn is over or no longer ours."""

    def __init__(
        self,
        lease: Lease,
        store: Store,
        surface: Surface,
        client: InferenceClient,
        *,
        pacer: Pacer,
        models: ServedModels,
    ) -> None:
        """One display for the whole run: it knows the messages posted so far, and what they say."""
        self._store = store
        self._surface = surface
        self._show_model = models.show_model
        self.display = Display(surface, store, pacer, lease)
        self.notices = QueueNotices(surface, store, pacer, lease, self.display.begun)
        self.answering = Answering(store, surface, client, models, self.display)
        self.requested: Action | None = None
        self._generation: asyncio.Task[Exchange] | None = None

    @property
    def lease(self) -> Lease:
        """The turn's; another one once the turn was begun again."""
        return self.display.lease

    # --- called by the worker while `run` goes on ------------------------------------------------------------------

    def interrupt(self, action: Action) -> None:
        """Somebody wants the running turn stopped, deleted or done again."""
        if self.requested != "delete":
            self.requested = action
            if self._generation:
                self._generation.cancel()

    async def say_goodbye(self) -> None:
        """The work was interrupted for a shutdown: what is written stays, marked as unfinished."""
        if not self.lease.is_again:
            paused = self.answering.said(say("paused"))
            self.display.show(self.answering.drawn(self.answering.text), paused, "waiting", self.answering.text)
            await self.display.hand_over()

    # --- the life of a turn ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Answer, show, finish; from the beginning when the question changes before the end is written.

        Raises LeaseLostError when the turn is somebody else's now, or whatever made this attempt fail: then the lease
        runs out and the turn is begun again, until it has failed MOST_FAILURES times.
        """
        # 1. Answer and show, until the end is written and nothing else was asked meanwhile.
        self.requested = self.lease.cancel
        while True:
            exchange = await self._answer_and_show()
            # 2. Write the end.
            await self.notices.close()
            again_s = self._surface.longest_call_s
            ending: Ending = await self._owned(
                partial(self._store.finish, self.lease, exchange, again_s, self.answering.spent)
            )
            if ending == "delete" or ending == "redo":  # noqa: PLR1714 - mypy reads this
                self.requested = ending
            else:
                break
        # 3. Count it, unless it was counted when it first ended.
        outcome = exchange.outcome if exchange else "deleted"
        if self.lease.is_again:
            log.info("turn %s: its end was shown once more (%s)", self.lease.turn.id, outcome)
            return
        log.info("turn %s: ended (%s)", self.lease.turn.id, outcome)
        FINISHED.labels(self._store.platform, outcome).inc()
        TOKENS.labels(self._store.platform).inc(exchange.tokens if exchange else 0)
        if exchange and not self.lease.version:  # one that was asked for again began long ago
            LATENCY.labels(self._store.platform).observe(max(0.0, time.time() - self.lease.at))

    async def _answer_and_show(self) -> Exchange | None:
        """The exchange to keep, shown; None when the question was deleted, and the answer with it."""
        exchange: Exchange | None = None
        try:
            exchange = await self._answer()
            if exchange is None:
                await self.display.remove_all()
            else:
                await self._show_final(exchange)
        except PlaceGoneError as error:
            log.warning("turn %s: its place is gone (%s); nobody can be answered there", self.lease.turn.id, error)
            if self.requested != "delete":
                return self._kept or self.answering.exchange("failed", "")
            with suppress(PlaceGoneError):  # a place may be closed to new words only: what was deleted goes
                await self.display.remove_all()
            return None
        except LeaseLostError:
            raise
        except Exception:
            if not self._given_up or self.requested == "delete":  # what was deleted is not left standing
                raise
            log.exception("turn %s: even the apology could not be shown; it is given up", self.lease.turn.id)
        return exchange

    async def _answer(self) -> Exchange | None:
        """The exchange to keep, or None when the question was deleted."""
        while True:
            if self.requested == "delete":
                return None
            if self.requested == "stop":
                return self.lease.answer or self.answering.exchange("stopped", self.answering.text)
            if self.requested == "redo":
                await self._restart()
                continue
            if self._given_up:
                return self._kept or self.answering.failed(say("apology"))
            exchange = self.lease.answer or await self._generate_and_edit()
            if exchange:
                return exchange

    async def _restart(self) -> None:
        """Take the newest text; unless the question was stopped or deleted meanwhile."""
        self.display.lease = await self._owned(lambda: self._store.restart(self.lease))
        self.requested = self.lease.cancel
        self.answering.begin_again()

    async def _generate_and_edit(self) -> Exchange | None:
        """Generate while the messages are kept up to date; None when interrupted. A failure of either ends both."""
        await self.answering.show_waiting()
        editing = asyncio.create_task(self.display.keep_up())
        self._generation = asyncio.create_task(self.answering.generate())
        try:
            await asyncio.wait({editing, self._generation}, return_when=asyncio.FIRST_COMPLETED)
            if editing.done():
                editing.result()
            return None if self._generation.cancelled() else self._generation.result()
        finally:
            self._generation.cancel()
            self.display.pause()
            shown, _ = await asyncio.gather(editing, self._generation, return_exceptions=True)
            self._generation = None
            if isinstance(shown, PlaceGoneError):
                raise shown  # also where the answer was complete first: what is refused for good is not tried again

    @property
    def _given_up(self) -> bool:
        return self.lease.failures >= MOST_FAILURES or self.lease.deaths >= MOST_DEATHS

    @property
    def _kept(self) -> Exchange | None:
        """How a turn has ended whose end is only shown once more: that it cannot be shown changes nothing."""
        return self.lease.answer if self.lease.is_again else None

    # --- small steps -----------------------------------------------------------------------------------------------

    async def _show_final(self, exchange: Exchange) -> None:
        """Save the whole answer, then show it: a crash in between shows the same answer again, not another one."""
        if self.lease.is_again and exchange.outcome == "failed" and not exchange.answer:
            return  # its place was gone when it ended
        stopped = self.answering.said(say("stopped")) if exchange.outcome == "stopped" else ""
        notice = self.answering.notice if exchange.outcome == "done" else stopped
        await self._owned(lambda: self._store.note_answer(self.lease, exchange, notice))
        model = exchange.model if self._show_model and exchange.outcome != "failed" else ""
        async with in_hand.works():
            self.display.show(self.answering.drawn(exchange.answer), notice, exchange.outcome, exchange.answer, model)
        await self.display.settle()

    async def _owned(self, write: Callable[[], Awaitable[T | None]]) -> T:
        """Do a fenced write however long Redis is away; LeaseLostError when the turn is not ours any more."""
        found = await self.answering.patiently(write)
        if not found or found == "lost":
            raise LeaseLostError
        return found
