"""The dense scheduler: rows with the model's own cache, for classes whose attention the library cannot page.

Each step of the loop reads a piece of one prompt, then computes one token for every row that is being answered. Rows of
similar length share a batch, so at most half of a batch is padding.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from glados_bots.errors import first_line
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.transformers_engine.batching import CPU_BATCH_TOKENS, HALF, CachePlan
from glados_bots.inference.transformers_engine.dense.batch import Batch, Forward, Request
from glados_bots.inference.transformers_engine.dense.caches import Caches
from glados_bots.inference.transformers_engine.dense.mailbox import Mailbox
from glados_bots.inference.transformers_engine.multi_lora import MultiLora
from glados_bots.inference.transformers_engine.out_of_memory import EXPLANATION
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.inference.transformers_engine.sampling.scoring import MOST_AT_ONCE
from glados_bots.inference.transformers_engine.scheduler import Deliver
from glados_bots.inference.transformers_engine.short_first import piece
from glados_bots.inference.transformers_engine.vision.shown import Shown

GPU_BATCH_TOKENS = 1024  # tokens of a prompt that one step reads
LEAST_PIECE = 32  # tokens, after the device was full
PAGE = 2**20  # bytes; the cache has no pages, so we count in MiB

log = logging.getLogger(__name__)


class DenseScheduler:
    """See `Scheduler` for the contract, and `PagedScheduler` for the arguments."""

    def __init__(
        self,
        model: Any,
        sampler: Sampler,
        loras: MultiLora | None,
        _options: EngineOptions,
        plan: CachePlan,
        *,
        ends: Iterable[int],
        vocabulary: int,
    ) -> None:
        cuda = model.device.type == "cuda"
        self._cuda = cuda
        self._forward = Forward(model, loras, plan.window)
        self._sampler = sampler
        self._choose = self._on_device if cuda else sampler.choose_all
        self._ends = frozenset(ends)
        self._vocabulary = vocabulary
        self._piece = GPU_BATCH_TOKENS if cuda else CPU_BATCH_TOKENS
        self._room = plan.memory
        self._caches = Caches(self._forward, plan.memory * model.dtype.itemsize / HALF)
        self._short_first = False
        self._mailbox = Mailbox()
        self.fatal: str | None = None
        self._thread = threading.Thread(target=self._run, name="dense scheduler", daemon=True)

    # --- in the event loop -----------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._mailbox.close()
        if self._thread.ident is not None:
            self._thread.join()

    def add(
        self, request_id: str, prompt: Sequence[int], limit: int, deliver: Deliver, shown: Shown | None = None
    ) -> None:
        self._mailbox.add(Request(request_id, list(prompt), limit, deliver, shown=shown))

    def remove(self, request_id: str) -> None:
        self._mailbox.remove(request_id)

    def cached(self, request_id: str) -> int:
        return self._mailbox.found(request_id)

    def paused(self) -> AbstractContextManager[None]:
        return self._mailbox.held()

    @property
    def room(self) -> float:
        return self._room

    @property
    def pages(self) -> tuple[int, int]:
        return int(self._caches.used // PAGE), int(self._caches.budget // PAGE)

    # --- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            with torch.inference_mode():
                while self._take_news():
                    self._in_memory(self._step)
        except Exception as error:
            log.exception("the generation thread failed")
            self.fatal = f"the generation thread failed: {first_line(error)}"
        new, _ = self._mailbox.take(lambda: True)
        for request in [*new, *self._caches.all]:
            self._mailbox.deliver(request, error=self.fatal or "the service is shutting down")
        self._mailbox.rest()

    def _take_news(self) -> bool:
        """Wait for work, and take what was added and removed. Returns whether to continue."""
        new, removed = self._mailbox.take(lambda: bool(self._caches.all))
        self._caches.waiting.extend(new)
        left = [request for request in self._caches.all if request.request_id in removed]
        for request in left:
            request.ended = True
        self._in_memory(lambda: self._caches.drop_all(left))
        return not self._mailbox.is_closed

    def _in_memory(self, work: Callable[[], object]) -> None:
        """Do something for which the device may have too little memory. Then all that is under way begins again."""
        before = self._caches.all
        try:
            work()
        except torch.OutOfMemoryError as error:
            error.__traceback__ = None  # it holds the tensors of the failed step
            self._recover(before)

    def _step(self) -> None:
        for request in self._caches.admit(self._sampler.scores_prompt):
            self._mailbox.tell_found(request)
        if self._caches.reading:
            self._read_piece()
        for batch in list(self._caches.batches):
            self._answer(batch)
        self._caches.make_room()

    def _read_piece(self) -> None:
        """Read a piece of the shortest and of the oldest prompt in turn (transformers_engine/short_first.py)."""
        self._short_first = not self._short_first
        reading = self._caches.reading
        request = min(reading, key=lambda one: len(one.to_read)) if self._short_first else reading[0]
        scored = self._sampler.scores_prompt(request.request_id)
        count, picture = self._next_piece(request, scored=scored)
        is_last = count == len(request.to_read)
        try:
            scores = self._forward.read(request, count, picture, keep=count if scored else 1)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            if picture is None:
                raise
            log.exception("a picture cannot be read")  # it must not end the answers of others
            reading.remove(request)
            request.ended = True
            self._mailbox.deliver(request, error=f"a picture cannot be read: {first_line(error)}")
            return
        if scored:
            self._sampler.keep_scores(request.request_id, request.read, scores[:, : self._vocabulary])
        request.read += count
        self._caches.measure(request)
        if request.read == request.keep_at:
            self._caches.keep_prompt(request)
        if is_last:
            reading.remove(request)
            if not self._say([request], scores[-1:]):
                self._caches.join(request)

    def _next_piece(self, request: Request, *, scored: bool) -> tuple[int, int | None]:
        """(number of tokens, the picture in it). Args: scored: whether the scores of the prompt are wanted."""
        rest, picture = len(request.to_read), None
        most = min(self._piece, MOST_AT_ONCE) if scored else self._piece
        count = min(most, rest, self._most(rest))
        if request.shown:
            count, picture = request.shown.piece(request.read, count)
        if self._forward.whole_prompts:
            count = 1 if scored else rest  # the scores of a whole prompt take too much memory
        elif request.read < request.keep_at < request.read + count:
            count = request.keep_at - request.read
        return count, picture

    def _most(self, rest: int) -> int:
        """The most tokens of a prompt that answers under way can wait for. Args: rest: tokens of it not read yet."""
        return rest if self._cuda else piece(len(self._caches.answering), rest)

    def _answer(self, batch: Batch) -> None:
        """One token for every row of a batch."""
        self._caches.finish(batch, self._say(batch.rows, batch.step()))

    def _say(self, requests: Sequence[Request], scores: torch.Tensor) -> list[Request]:
        """Choose a token for each request and deliver it. Returns the requests that are finished."""
        finished: list[Request] = []
        for request, token in zip(requests, self._choose(requests, scores[:, : self._vocabulary]), strict=True):
            request.tokens.append(token)
            request.ended = token in self._ends or len(request.tokens) >= request.limit
            self._mailbox.deliver(request, finished=request.ended)
            finished += [request] if request.ended else []
        return finished

    def _on_device(self, requests: Sequence[Request], scores: torch.Tensor) -> list[int]:
        return [int(token) for token in self._sampler.choose_on_device(requests, scores).tolist()]

    def _recover(self, before: Sequence[Request]) -> None:
        """The device is full: free what can be freed, and begin again with smaller pieces. Args: see `begin_again`."""
        self._piece = max(LEAST_PIECE, self._piece // 2)
        again, given_up = self._caches.begin_again(before)
        if given_up:
            self._mailbox.deliver(given_up, error=EXPLANATION)
        for request in again:
            self._sampler.rewind(request.request_id, len(request.prompt) + len(request.tokens))
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        log.error(
            "out of memory: %d requests wait; run `glados models plan` to see what fits", len(self._caches.waiting)
        )
