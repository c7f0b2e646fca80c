"""Claims turns from Redis and runs many at once: leases, heartbeats, signals and shutdown."""

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
from glados_bots.turns.attached import AttachedFiles
from glados_bots.turns.in_hand import InHand
from glados_bots.turns.insistence import LeaseLostError
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.served_models import ServedModels
from glados_bots.turns.turn import TurnRun
from glados_bots.wire.client import InferenceClient

log = logging.getLogger(__name__)

IDLE_S = 1.0  # pause between looks for a lease that ran out, because its end wakes nobody
FAREWELL_S = 3.0  # time for an interrupted answer to say that it will continue
MOST_PARALLEL = 64  # turns at once in one process; the service has a smaller limit of its own


class Worker:
    """Runs the turns of one platform in this process. Any number of workers may serve the same platform."""

    def __init__(
        self, store: Store, surface: Surface, client: InferenceClient, pacer: Pacer, settings: Settings
    ) -> None:
        self._store = store
        self._surface = surface
        self._client = client
        self._pacer = pacer
        self._models = ServedModels(
            settings.system_prompt, settings.max_answer_tokens, settings.attachment_max_chars, settings.show_model
        )
        self._files = AttachedFiles(store, surface, settings)
        self._runs: dict[str, tuple[TurnRun, asyncio.Task[None], asyncio.Event]] = {}
        self._floor = asyncio.Lock()
        self._draining = asyncio.Event()
        self._claimer: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Work until `drain` is called, with Redis or without. Raises ConfigError for data of another format."""
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
        """Claim nothing more, let running turns finish within `grace_s` seconds, then give the rest back."""
        self._draining.set()
        if self._claimer:  # not cancelled: a lease taken at that moment would have to run out
            await asyncio.wait({self._claimer}, timeout=grace_s + IDLE_S)
        tasks = [task for _, task, _ in self._runs.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        left = list(self._runs.values())
        await asyncio.gather(*(self._hand_over(run, task) for run, task, _ in left))
        if left:
            log.info("%d unfinished turns were given back; they continue after the restart", len(left))

    async def _hand_over(self, run: TurnRun, task: asyncio.Task[None]) -> None:
        """End the work on a turn, say so under the answer so far, and give the turn back."""
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        try:
            async with asyncio.timeout(FAREWELL_S):
                if await self._store.renew(run.lease) is None:  # the turn has ended, or is another worker's
                    return
                await run.say_goodbye()
        except Exception as error:  # noqa: BLE001 - whatever a platform's client raises; the turn continues anyway
            log.warning(
                "turn %s: the pause could not be shown (%s: %s)", run.lease.turn.id, type(error).__name__, error
            )
        with suppress(StoreUnavailableError):
            await self._store.release(run.lease)

    async def _prepare(self) -> None:
        """Wait until the data format in Redis is known to be ours, and the turns of our dead predecessor are free.

        The predecessor had our owner's name. It must be dead, or nobody would have started us.
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
                    log.info("%d turns of a dead process of ours continue now", freed)
                return

    async def _claim_all(self) -> None:
        """Loop: wait for work, lease a turn, start it."""
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
            except Exception:  # its conversation stays leased: other turns come first until the lease runs out
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
        run = TurnRun(
            lease, self._store, self._surface, self._client,
            pacer=self._pacer, models=self._models, files=self._files,
        )  # fmt: skip
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
        """Make one attempt at a turn. Logs and traces name the turn."""
        lease, name = run.lease, f"{self._store.platform}:{run.lease.turn.id}"
        hand = (
            InHand(self._floor, lambda works: self._store.note_hand(lease, works=works)) if lease.is_watched else None
        )
        with logs.about(turn=name), tracing.span("turn", turn=name, attempt=lease.attempts), in_hand.watched(hand):
            log.info("turn %s: begun, attempt %d", lease.turn.id, lease.attempts)
            await self._work_and_beat(run, nudge)

    async def _work_and_beat(self, run: TurnRun, nudge: asyncio.Event) -> None:
        """Run the work and its heartbeat. When either ends, so does the other.

        The heartbeat is told to end, not cancelled. redis-py may turn the cancellation of a call into a timeout: then
        the task would keep running, and we would wait for it forever.
        """
        work = asyncio.create_task(run.run())
        heart = asyncio.create_task(self._beat(run, nudge, work))
        try:
            await asyncio.wait({work, heart}, return_when=asyncio.FIRST_COMPLETED)
            (work if work.done() else heart).result()
        except LeaseLostError:
            log.warning("turn %s: another worker has it now", run.lease.turn.id)
        except StoreUnavailableError as error:  # not the turn's fault
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
        """Renew the lease in time. Pass on requests about the turn, and the turns that wait behind it."""
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
                if not run.lease.is_again:  # turns behind it wait for a moment only, or have an answer
                    run.notices.show(renewal.queued)
            except StoreUnavailableError as error:
                log.warning("turn %s: heartbeat missed (%s)", run.lease.turn.id, error)

    async def _listen(self) -> None:
        """Let each signal trigger a heartbeat, which reads the state. Signals only save time."""
        while not self._draining.is_set():
            try:
                async with self._store.signals() as signals:  # `run` cancels this at the end
                    async for _, turn in signals:
                        if turn in self._runs:
                            self._runs[turn][2].set()
            except StoreUnavailableError:
                await asyncio.sleep(IDLE_S)
