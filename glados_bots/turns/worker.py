"""Claim: takes turns from the store and runs them, many at once: leases, heartbeats, signals and the orderly end."""

import asyncio
import logging
from contextlib import suppress

from glados_bots import logs, tracing
from glados_bots.errors import StoreUnavailableError
from glados_bots.metrics import RETRIES, RUNNING
from glados_bots.settings import Settings
from glados_bots.store.leases import Lease, Renewal
from glados_bots.store.store import Store
from glados_bots.store.version import require_version
from glados_bots.surface import Surface
from glados_bots.turns import in_hand
from glados_bots.turns.in_hand import InHand
from glados_bots.turns.insistence import LeaseLostError
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.served_models import ServedModels
from glados_bots.turns.turn import TurnRun
from glados_bots.wire.client import InferenceClient

log = logging.getLogger(__name__)

IDLE_S = 1.0  # a lease that ran out wakes nobody: look for one this often
FAREWELL_S = 3.0  # an interrupted answer gets this long to say that it goes on later
MOST_PARALLEL = 64  # turns at once in one process; the service has its own, smaller limit


class Worker:
    """Runs the turns of one platform in this process. Any number of workers may serve the same platform."""

    def __init__(
        self, store: Store, surface: Surface, client: InferenceClient, pacer: Pacer, settings: Settings
    ) -> None:
        self._store = store
        self._surface = surface
        self._client = client
        self._pacer = pacer
        self._models = ServedModels(settings.system_prompt, settings.max_answer_tokens, settings.show_model)
        self._runs: dict[str, tuple[TurnRun, asyncio.Task[None], asyncio.Event]] = {}
        self._floor = asyncio.Lock()
        self._draining = asyncio.Event()
        self._claimer: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Work until `drain` is called; Redis may come and go. Raises ConfigError: its data's format is not ours."""
        await self._prepare()
        listener = asyncio.create_task(self._listen())
        self._claimer = asyncio.create_task(self._claim_all())
        try:
            await asyncio.wait({self._claimer})
        finally:
            self._claimer.cancel()
            listener.cancel()
            await asyncio.gather(self._claimer, listener, return_exceptions=True)

    async def drain(self, grace_s: float) -> None:
        """Claim nothing more; let running turns finish within the grace time, then give the rest back."""
        self._draining.set()
        if self._claimer:  # it is not cancelled: a lease taken in that moment would have to run out
            await asyncio.wait({self._claimer}, timeout=grace_s + IDLE_S)
        tasks = [task for _, task, _ in self._runs.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        left = list(self._runs.values())
        await asyncio.gather(*(self._hand_over(run, task) for run, task, _ in left))
        if left:
            log.info("%d unfinished turns were given back; they go on after the restart", len(left))

    async def _hand_over(self, run: TurnRun, task: asyncio.Task[None]) -> None:
        """End the work on a turn, say so under what is written already, and give the turn back."""
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        try:
            async with asyncio.timeout(FAREWELL_S):
                if await self._store.renew(run.lease) is None:  # it has ended, or is another worker's
                    return
                await run.say_goodbye()
        except Exception as error:  # noqa: BLE001 - whatever a platform's client raises; the turn goes on without it
            log.warning(
                "turn %s: could not say that it pauses (%s: %s)", run.lease.turn.id, type(error).__name__, error
            )
        with suppress(StoreUnavailableError):
            await self._store.release(run.lease)

    async def _prepare(self) -> None:
        """Return once Redis has said that we may work on its data, and has freed what our predecessor had in hand.

        A process of our owner's name has died, or nobody would have started us.
        """
        while not self._draining.is_set():
            try:
                await require_version(self._store.client)
                freed = await self._store.free()
            except StoreUnavailableError as error:
                log.warning("%s; trying again", error)
                await asyncio.sleep(IDLE_S)
            else:
                if freed:
                    log.info("%d turns that a dead process of ours had in hand go on now", freed)
                return

    async def _claim_all(self) -> None:
        """The loop: wait for work, lease a turn, start it."""
        while not self._draining.is_set():
            try:
                lease = await self._store.claim() if len(self._runs) < MOST_PARALLEL else None
                if lease:
                    self._start(lease)
                else:
                    await self._wait_for_work()
            except StoreUnavailableError as error:
                log.warning("%s; trying again", error)
                await asyncio.sleep(IDLE_S)
            except Exception:  # its conversation is leased now: the others come first until that runs out
                log.exception("a turn could not be begun")
                await asyncio.sleep(IDLE_S)

    async def _wait_for_work(self) -> None:
        """Return when there may be work, or when we drain."""
        work = asyncio.create_task(self._store.wait_for_work(IDLE_S))
        drain = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait({work, drain}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            drain.cancel()
            if not work.done():
                work.cancel()
        found = await asyncio.gather(work, drain, return_exceptions=True)
        if isinstance(found[0], StoreUnavailableError):
            raise found[0]

    def _start(self, lease: Lease) -> None:
        run = TurnRun(lease, self._store, self._surface, self._client, pacer=self._pacer, models=self._models)
        nudge = asyncio.Event()
        task = asyncio.create_task(self._carry(run, nudge), name=f"turn {lease.turn.id}")
        self._runs[lease.turn.id] = (run, task, nudge)
        task.add_done_callback(lambda _: self._ended(lease))
        RUNNING.labels(self._store.platform).inc()
        if lease.attempts > 1:
            RETRIES.labels(self._store.platform).inc()

    def _ended(self, lease: Lease) -> None:
        self._runs.pop(lease.turn.id, None)
        RUNNING.labels(self._store.platform).dec()

    async def _carry(self, run: TurnRun, nudge: asyncio.Event) -> None:
        """One attempt at a turn, under its name in logs and traces."""
        lease, name = run.lease, f"{self._store.platform}:{run.lease.turn.id}"
        hand = (
            InHand(self._floor, lambda works: self._store.note_hand(lease, works=works)) if lease.is_watched else None
        )
        with logs.about(turn=name), tracing.span("turn", turn=name, attempt=lease.attempts), in_hand.watched(hand):
            log.info("turn %s: begun, attempt %d", lease.turn.id, lease.attempts)
            await self._work_and_beat(run, nudge)

    async def _work_and_beat(self, run: TurnRun, nudge: asyncio.Event) -> None:
        """The work with its heartbeat; when either ends, so does the other.

        The heartbeat is told to end, not cancelled: redis-py may turn a cancellation that hits one of its calls into a
        time-out, and a task that lives on would be waited for without end.
        """
        work = asyncio.create_task(run.run())
        heart = asyncio.create_task(self._beat(run, nudge, work))
        try:
            await asyncio.wait({work, heart}, return_when=asyncio.FIRST_COMPLETED)
            (work if work.done() else heart).result()
        except LeaseLostError:
            log.warning("turn %s: another worker has it now", run.lease.turn.id)
        except StoreUnavailableError as error:  # no fault of the turn
            log.warning("turn %s: %s; its lease runs out", run.lease.turn.id, error)
        except Exception as error:
            log.exception("turn %s: attempt %d failed", run.lease.turn.id, run.lease.attempts)
            with suppress(StoreUnavailableError):
                await self._store.note_error(run.lease, f"{type(error).__name__}: {error}")
        finally:
            work.cancel()
            await asyncio.gather(work, run.notices.close(), return_exceptions=True)
            nudge.set()
            await asyncio.gather(heart, return_exceptions=True)

    async def _beat(self, run: TurnRun, nudge: asyncio.Event, work: asyncio.Task[None]) -> None:
        """Renew the lease in time, and pass on what people ask of the turn or queue behind it."""
        while not work.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._store.lease_s / 3):
                    await nudge.wait()
            nudge.clear()
            if work.done():
                return
            try:
                renewal: Renewal | None = await self._store.renew(run.lease)
                if renewal is None:
                    raise LeaseLostError
                if renewal.cancel:
                    run.interrupt(renewal.cancel)
                if not run.lease.is_again:  # what waits behind it waits for a moment, or has an answer
                    run.notices.show(renewal.queued)
            except StoreUnavailableError as error:
                log.warning("turn %s: heartbeat missed (%s)", run.lease.turn.id, error)

    async def _listen(self) -> None:
        """Signals only make things prompt: each one triggers a heartbeat, which reads the truth."""
        while not self._draining.is_set():
            try:
                async with self._store.signals() as signals:  # cancelled by `run` when all is over
                    async for _, turn in signals:
                        if turn in self._runs:
                            self._runs[turn][2].set()
            except StoreUnavailableError:
                await asyncio.sleep(IDLE_S)
