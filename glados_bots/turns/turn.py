"""One turn, from leased question to final answer. This is the heart.

The promise: every accepted message gets exactly one final answer, in its own thread, in order. A turn may be begun many
times, by workers that die; each continues in the messages its predecessors posted, and only the lease's holder ends it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from glados_bots import logs, tracing
from glados_bots.conversation import Exchange, Outcome
from glados_bots.errors import GladosError, RequestRejectedError, ServiceUnavailableError, StoreUnavailableError
from glados_bots.metrics import FINISHED, LATENCY, TOKENS
from glados_bots.retrying import growing_pauses
from glados_bots.store.channels import ChannelBook, ChannelSettings
from glados_bots.store.leases import Action, Ending, Lease
from glados_bots.store.limits import duration
from glados_bots.store.store import Store
from glados_bots.surface import PlaceGoneError, Surface
from glados_bots.turns import in_hand
from glados_bots.turns.display import Display, LeaseLostError
from glados_bots.turns.pacing import Pacer
from glados_bots.turns.queue_notices import QueueNotices
from glados_bots.turns.served_models import SHORTEST_ANSWER, ServedModels, UnknownModelError
from glados_bots.turns.window import Prompt, fit
from glados_bots.wire.client import InferenceClient
from glados_bots.wire.events import Delta, Finished, Queued, Sampling
from glados_bots.wire.reasoning import Folded
from glados_bots.wire.refusals import TOO_LONG
from glados_bots.wire.reply import Thinking
from glados_bots.wording import APOLOGY, EMPTY, MODEL_AWAY, PAUSED, THINKS

log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_FAILURES = 4
MOST_DEATHS = 3  # of processes that were at this turn's own work, one after the other; see in_hand.py
MOST_REFITS = 3
AWAY_NAP_S = 0.5
LONGEST_PAUSE_S = 5.0
ENDINGS = {
    "length": "The answer reached its length limit.",
    "content_filter": "The model's server held back the rest of this answer (its content filter).",
    "error": "The model's server ended this answer with an error.",
}


@dataclass(slots=True)
class TurnRun:
    """The work on one leased turn. `run` returns when the turn is over or no longer ours."""

    lease: Lease
    store: Store
    surface: Surface
    client: InferenceClient
    pacer: Pacer
    voice: ServedModels
    text: str = ""
    notice: str = ""
    model: str = ""
    tokens: int = 0  # of the prompt that is being answered, as far as is known; of the answer too once it is whole
    is_whole: bool = False
    lost_tokens: int = 0  # of answers that were begun again
    display: Display = field(init=False)
    notices: QueueNotices = field(init=False)
    requested: Action | None = None
    _generation: asyncio.Task[Exchange] | None = None

    def __post_init__(self) -> None:
        """One display for the whole run: it knows the messages posted so far, and what they say."""
        self.display = Display(self.surface, self.store, self.pacer, self.lease)
        self.notices = QueueNotices(self.surface, self.store, self.pacer, self.lease, self.display.begun)
        self.text = self.lease.draft
        self.notice = self.lease.notice if self.lease.answer else ""

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
            self.display.show(self._render(self.text), PAUSED, "waiting", self.text)
            await self.display.hand_over()

    # --- the life of a turn ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Answer, show, finish; from the beginning when the question changes before the end is written.

        Raises LeaseLostError when the turn is somebody else's now, or whatever made this attempt fail: then the lease
        runs out and the turn is begun again, until it has failed MOST_FAILURES times.
        """
        self.requested = self.lease.cancel
        while True:
            exchange = await self._answer_and_show()
            await self.notices.close()
            again_s = self.surface.longest_call_s
            ending: Ending = await self._owned(partial(self.store.finish, self.lease, exchange, again_s, self._spent))
            if ending == "delete" or ending == "redo":  # noqa: PLR1714 - mypy reads this
                self.requested = ending
            else:
                break
        outcome = exchange.outcome if exchange else "deleted"
        if self.lease.is_again:
            log.info("turn %s: its end was shown once more (%s)", self.lease.turn.id, outcome)
            return
        log.info("turn %s: ended (%s)", self.lease.turn.id, outcome)
        FINISHED.labels(self.store.platform, outcome).inc()
        TOKENS.labels(self.store.platform).inc(exchange.tokens if exchange else 0)
        if exchange and not self.lease.version:  # one that was asked for again began long ago
            LATENCY.labels(self.store.platform).observe(max(0.0, time.time() - self.lease.at))

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
                return self._kept or self._exchange("failed", "")
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
                return self.lease.answer or self._exchange("stopped", self.text)
            if self.requested == "redo":
                await self._restart()
                continue
            if self._given_up:
                return self._kept or self._exchange("failed", APOLOGY)
            exchange = self.lease.answer or await self._generate_and_edit()
            if exchange:
                return exchange

    async def _restart(self) -> None:
        """Take the newest text; unless the question was stopped or deleted meanwhile."""
        self.lost_tokens = self._spent
        self.lease = self.display.lease = await self._owned(lambda: self.store.restart(self.lease))
        self.requested, self.text, self.notice, self.tokens = self.lease.cancel, self.lease.draft, "", 0
        self.is_whole = False

    async def _generate_and_edit(self) -> Exchange | None:
        """Generate while the messages are kept up to date; None when interrupted. A failure of either ends both."""
        await self._show_waiting()
        editing = asyncio.create_task(self.display.keep_up())
        self._generation = asyncio.create_task(self._generate())
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

    async def _generate(self) -> Exchange:
        """Ask the model until it answers; waiting for a model that is away is not a failed try."""
        deadline = time.monotonic() + self.voice.patience_s
        pauses = growing_pauses(0.5, LONGEST_PAUSE_S)
        while True:
            try:
                return await self._attempt()
            except (RequestRejectedError, UnknownModelError) as error:
                log.warning("turn %s: the service refused: %s", self.lease.turn.id, error)
                return self._exchange("failed", f"I could not answer this. {error}")
            except ServiceUnavailableError as error:
                log.warning("turn %s: %s", self.lease.turn.id, error)
                told_s = error.retry_after or 0
                if time.monotonic() + told_s > deadline:
                    return self._exchange("failed", f"{APOLOGY} ({_for_too_long(told_s)})")
                self.notice = MODEL_AWAY
                self.voice.served = {}  # it may come back with another model
                await self._show_waiting()
                await asyncio.sleep(max(next(pauses), told_s))

    async def _attempt(self) -> Exchange:
        """One request to the service, streamed. A prompt that does not fit is cut by the figures of the refusal."""
        chosen = await self._patiently(self._channel_settings)
        self.model = await self.voice.choose(self.client, chosen.model)
        async with in_hand.works():
            history = await self._patiently(self._earlier_exchanges)
        budget = self.voice.prompt_budget(self.model)
        system = chosen.persona or self.voice.system
        most = self.voice.max_tokens
        for refit in range(MOST_REFITS + 1):
            async with in_hand.works():
                prompt = fit(system, history, self.lease.turn, budget, chars_per_token=self.voice.chars_per_token)
            most = min(most, self.voice.answer_budget(self.model, prompt, is_told=refit > 0))
            try:
                with logs.about(request=logs.new_request()), tracing.span("request", model=self.model):
                    log.info("turn %s: asks %s", self.lease.turn.id, self.model)
                    return await self._stream(prompt, most)
            except RequestRejectedError as error:
                can_shrink = prompt.kept or (most > SHORTEST_ANSWER and not error.max_prompt_tokens)
                if error.code != TOO_LONG or refit == MOST_REFITS or not can_shrink:
                    raise
                budget = self.voice.refit(self.model, prompt, error)
                if not (error.max_prompt_tokens or error.context_length):
                    most //= 2
        raise GladosError("unreachable: the last refit raises")

    async def _stream(self, prompt: Prompt, most: int) -> Exchange:
        """Read one answer of `most` tokens; the text shown so far stays until the first new word comes."""
        text: list[str] = []
        drawn, drawn_at, pace_s = 0, 0.0, in_hand.pace_s()
        answer, ended = self.surface.answer(self.lease.turn), ""
        sampling = Sampling(max_tokens=most)
        left_out = f"{prompt.omitted} older exchanges did not fit into the model's memory." if prompt.omitted else ""
        session = f"{self.store.platform} {self.lease.turn.conversation}"
        self.tokens, self.is_whole = self.voice.tokens(prompt.chars), False
        reply = self.client.stream(prompt.messages, model=self.model, sampling=sampling, session=session)
        async with aclosing(reply) as events:
            async for event in events:
                match event:
                    case Queued(position, wait):
                        self.notice = place_in_queue(position, wait)
                        await self._show_waiting()
                    case Thinking():
                        self.notice = THINKS
                        await self._show_waiting()
                    case Folded():
                        text, drawn, answer = [], 0, self.surface.answer(self.lease.turn)
                    case Delta(delta):
                        text.append(delta)
                        if time.monotonic() - drawn_at < pace_s:
                            continue
                        async with in_hand.works():
                            answer.feed("".join(text[drawn:]))
                            self.text, self.notice = "".join(text), left_out
                            self.display.show(answer.chunks, self.notice, "writing", self.text)
                        drawn, drawn_at = len(text), time.monotonic()
                    case Finished() as finished:
                        self.voice.learn(prompt, finished.prompt_tokens)
                        self.text = "".join(text)
                        counted = finished.prompt_tokens + finished.completion_tokens
                        self.tokens = counted or self.voice.tokens(prompt.chars + len(self.text))
                        self.is_whole = True
                        ended = ENDINGS.get(finished.reason, "")
                        self.notice = " ".join(filter(None, [left_out, ended]))
        whole = "".join(text)
        return self._exchange("done", whole) if whole.strip() else self._exchange("failed", ended or EMPTY)

    @property
    def _spent(self) -> int:
        """Tokens this turn has cost so far, whatever becomes of its answer."""
        written = 0 if self.is_whole else self.voice.tokens(len(self.text))
        return self.lost_tokens + self.tokens + written

    @property
    def _given_up(self) -> bool:
        return self.lease.failures >= MOST_FAILURES or self.lease.deaths >= MOST_DEATHS

    @property
    def _kept(self) -> Exchange | None:
        """How a turn has ended whose end is only shown once more: that it cannot be shown changes nothing."""
        return self.lease.answer if self.lease.is_again else None

    # --- small steps -----------------------------------------------------------------------------------------------

    async def _channel_settings(self) -> ChannelSettings:
        turn = self.lease.turn
        return await ChannelBook(self.store).get(turn.channel or turn.conversation)

    async def _earlier_exchanges(self) -> list[Exchange]:
        """The history before this turn: when it is done again, later exchanges are not its past."""
        history = await self.store.history(self.lease.turn.conversation)
        turns = [exchange.turn for exchange in history]
        return history[: turns.index(self.lease.turn.id)] if self.lease.turn.id in turns else history

    async def _show_waiting(self) -> None:
        async with in_hand.works():
            self.display.show(self._render(self.text), self.notice, "waiting", self.text)

    def _render(self, text: str) -> list[str]:
        answer = self.surface.answer(self.lease.turn)
        if text:
            answer.feed(text)
        answer.close()
        return answer.chunks

    async def _show_final(self, exchange: Exchange) -> None:
        """Save the whole answer, then show it: a crash in between shows the same answer again, not another one."""
        if self.lease.is_again and exchange.outcome == "failed" and not exchange.answer:
            return  # its place was gone when it ended
        notice = self.notice if exchange.outcome == "done" else "Stopped." if exchange.outcome == "stopped" else ""
        await self._owned(lambda: self.store.note_answer(self.lease, exchange, notice))
        model = exchange.model if self.voice.show_model and exchange.outcome != "failed" else ""
        async with in_hand.works():
            self.display.show(self._render(exchange.answer), notice, exchange.outcome, exchange.answer, model)
        await self.display.settle()

    def _exchange(self, outcome: Outcome, answer: str) -> Exchange:
        turn = self.lease.turn
        return Exchange(
            turn.id, turn.text, answer, outcome, turn.author, turn.author_name, self.model,
            at=time.time(), tokens=self._spent,
        )  # fmt: skip

    async def _owned(self, write: Callable[[], Awaitable[T | None]]) -> T:
        """Do a fenced write however long Redis is away; LeaseLostError when the turn is not ours any more."""
        found = await self._patiently(write)
        if not found or found == "lost":
            raise LeaseLostError
        return found

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis until it answers: that it is away is no failure of the turn."""
        while True:
            try:
                return await call()
            except StoreUnavailableError as error:
                log.warning("turn %s: %s; what there is of the answer is kept here", self.lease.turn.id, error)
                async with in_hand.waits():
                    await asyncio.sleep(AWAY_NAP_S)


def _for_too_long(told_s: float) -> str:
    """Why a model is not waited for any more; `told_s` are the seconds its server wants to be left alone."""
    return f"The model takes no requests for {duration(told_s)}." if told_s else "The model was away for too long."


def place_in_queue(position: int, wait_s: float | None) -> str:
    """A sentence for people about their place; positions count from 0."""
    about = f", about {wait_s:.0f} s" if wait_s else ""
    return f"Waiting for the model: {'next' if position == 0 else f'{position + 1} in line'}{about}"
