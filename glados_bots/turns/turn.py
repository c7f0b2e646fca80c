"""One turn, from the leased question to its final answer. This is the heart.

The promise: every accepted message gets exactly one final answer, in its own thread, in order. Workers that die may
begin a turn many times. Each continues in the messages of those before it, and only the lease's holder ends the turn.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from glados_bots.conversation import Exchange
from glados_bots.files_out import answer as files_out
from glados_bots.metrics import FINISHED, LATENCY, TOKENS
from glados_bots.store.leases import Action, Ending, Lease
from glados_bots.store.store import Store
from glados_bots.surface import PlaceGoneError, Surface
from glados_bots.turns import in_hand
from glados_bots.turns.answering import Answering
from glados_bots.turns.attached import AttachedFiles
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
MOST_DEATHS = 3  # successive processes that died while they worked on this turn; see in_hand.py


class TurnRun:
    """The work on one leased turn. `run` returns when the turn is over or another worker's."""

    def __init__(
        self,
        lease: Lease,
        store: Store,
        surface: Surface,
        client: InferenceClient,
        *,
        pacer: Pacer,
        models: ServedModels,
        files: AttachedFiles,
    ) -> None:
        """Make one display for the whole run: it knows the messages posted so far, and their text."""
        self._store = store
        self._surface = surface
        self._show_model = models.show_model
        self.display = Display(surface, store, pacer, lease)
        self.notices = QueueNotices(surface, store, pacer, lease, self.display.begun)
        self.answering = Answering(store, surface, client, self.display, models=models, files=files)
        self.progress = self.answering.progress
        self.requested: Action | None = None
        self._generation: asyncio.Task[Exchange] | None = None

    @property
    def lease(self) -> Lease:
        """The lease of the turn. It changes when the turn begins again."""
        return self.display.lease

    # --- called by the worker while `run` is running ---------------------------------------------------------------

    def interrupt(self, action: Action) -> None:
        """Stop, delete or redo the running turn, because somebody asked for that."""
        if self.requested != "delete":
            self.requested = action
            if self._generation:
                self._generation.cancel()

    async def say_goodbye(self) -> None:
        """Mark the answer so far as unfinished, because a shutdown interrupted the work."""
        if not self.lease.is_again:
            paused = self.progress.said(say("paused"))
            self.display.show(self.progress.drawn(self.progress.text), paused, "waiting", self.progress.text)
            await self.display.hand_over()

    # --- the life of a turn ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Answer, show, finish. All begins again when the question changes before the end is saved.

        Raises LeaseLostError when another worker has the turn, or the error that made this attempt fail. After such an
        error the lease runs out and the turn begins again, until it has failed MOST_FAILURES times.
        """
        # 1. Answer and show, until the end is saved and nobody asked for anything else meanwhile.
        self.requested = self.lease.cancel
        while True:
            exchange = await self._answer_and_show()
            # 2. Save the end.
            await self.notices.close()
            again_s = self._surface.longest_call_s
            ending: Ending = await self._owned(
                partial(self._store.finish, self.lease, exchange, again_s, self.progress.spent)
            )
            if ending == "delete" or ending == "redo":  # noqa: PLR1714 - mypy reads this
                self.requested = ending
            else:
                break
        # 3. Count the turn, unless it was counted at its first end.
        outcome = exchange.outcome if exchange else "deleted"
        if self.lease.is_again:
            log.info("turn %s: its end was shown once more (%s)", self.lease.turn.id, outcome)
            return
        log.info("turn %s: ended (%s)", self.lease.turn.id, outcome)
        FINISHED.labels(self._store.platform, outcome).inc()
        TOKENS.labels(self._store.platform).inc(exchange.tokens if exchange else 0)
        if exchange and not self.lease.version:  # a turn that is answered again began long ago
            LATENCY.labels(self._store.platform).observe(max(0.0, time.time() - self.lease.at))

    async def _answer_and_show(self) -> Exchange | None:
        """Show the answer and return the exchange to keep; None when the question and its answer were deleted."""
        exchange: Exchange | None = None
        try:
            exchange = await self._answer()
            if exchange is None:
                await self.display.remove_all()
            else:
                await self._show_final(exchange)
        except PlaceGoneError as error:
            log.warning("turn %s: its place is gone (%s); no answer can be shown there", self.lease.turn.id, error)
            if self.requested != "delete":
                return self._kept or self.progress.exchange("failed", "")
            with suppress(PlaceGoneError):  # a place may be closed to new messages only: deleting may still work
                await self.display.remove_all()
            return None
        except LeaseLostError:
            raise
        except Exception:
            if not self._given_up or self.requested == "delete":  # the answer to a deleted question must not stay
                raise
            log.exception("turn %s: the apology could not be shown either; the turn is given up", self.lease.turn.id)
        return exchange

    async def _answer(self) -> Exchange | None:
        """Generate the exchange to keep; None when the question was deleted."""
        while True:
            if self.requested == "delete":
                return None
            if self.requested == "stop":
                return self.lease.answer or self.progress.exchange("stopped", self.progress.text)
            if self.requested == "redo":
                await self._restart()
                continue
            if self._given_up:
                return self._kept or self.progress.failed(say("apology"))
            exchange = self.lease.answer or await self._generate_and_edit()
            if exchange:
                return exchange

    async def _restart(self) -> None:
        """Begin with the newest text, unless the question was stopped or deleted meanwhile."""
        self.display.lease = await self._owned(lambda: self._store.restart(self.lease))
        self.requested = self.lease.cancel
        self.answering.begin_again()

    async def _generate_and_edit(self) -> Exchange | None:
        """Generate and keep the messages up to date; None when interrupted. A failure of either ends both."""
        await self.progress.show_waiting()
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
                raise shown  # also if the answer is complete: a final refusal is not retried

    @property
    def _given_up(self) -> bool:
        return self.lease.failures >= MOST_FAILURES or self.lease.deaths >= MOST_DEATHS

    @property
    def _kept(self) -> Exchange | None:
        """The saved end of a turn that is only shown once more. A failure to show it changes nothing."""
        return self.lease.answer if self.lease.is_again else None

    # --- small steps -----------------------------------------------------------------------------------------------

    async def _show_final(self, exchange: Exchange) -> None:
        """Save the whole answer, then show it: after a crash in between, the next worker shows the same answer."""
        if self.lease.is_again and exchange.outcome == "failed" and not exchange.answer:
            return  # its place was gone at its end
        stopped = self.progress.said(say("stopped")) if exchange.outcome == "stopped" else ""
        notice = self.progress.notice if exchange.outcome == "done" else stopped
        await self._owned(lambda: self._store.note_answer(self.lease, exchange, notice))
        model = exchange.model if self._show_model and exchange.outcome != "failed" else ""
        limits = self._surface.files_out if exchange.outcome != "failed" else None
        async with in_hand.works():
            language = self.lease.turn.language
            shown = files_out.shown(exchange.answer, limits, self.progress.drawn, language)
            notice = files_out.beside(shown.notice, notice, language)
            self.display.show(shown.chunks, notice, exchange.outcome, exchange.answer, model=model, files=shown.files)
        await self.display.settle()

    async def _owned(self, write: Callable[[], Awaitable[T | None]]) -> T:
        """Retry a fenced write until Redis answers. Raises LeaseLostError when another worker has the turn."""
        found = await self.answering.patiently(write)
        if not found or found == "lost":
            raise LeaseLostError
        return found
