"""The dense scheduler: rows with the model's own cache, for classes whose attention the library cannot page.

Each step of the loop reads a piece of one prompt, then computes one token for every row that is being answered. Rows of
similar length share a batch, so at most half of a batch is padding.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from glados_bots.errors import first_line
from glados_bots.inference.engine import EngineOptions
from glados_bots.inference.transformers_engine.batching import CPU_BATCH_TOKENS, HALF, CachePlan
from glados_bots.inference.transformers_engine.dense.batch import Batch, Forward, Request
from glados_bots.inference.transformers_engine.dense.kept import TAIL, Kept
from glados_bots.inference.transformers_engine.dense.mailbox import Mailbox
from glados_bots.inference.transformers_engine.dense.states import size, state_size
from glados_bots.inference.transformers_engine.multi_lora import MultiLora
from glados_bots.inference.transformers_engine.out_of_memory import EXPLANATION
from glados_bots.inference.transformers_engine.prefix_cache import DOMAIN
from glados_bots.inference.transformers_engine.sampling.sampler import Sampler
from glados_bots.inference.transformers_engine.sampling.scoring import MOST_AT_ONCE
from glados_bots.inference.transformers_engine.scheduler import Deliver
from glados_bots.inference.transformers_engine.short_first import piece
from glados_bots.inference.transformers_engine.vision.shown import Shown

KEPT_SHARE = 0.5  # of the cache's memory, at most, for prompts of earlier requests
GPU_BATCH_TOKENS = 1024  # tokens of a prompt that one step reads
LEAST_PIECE = 32  # tokens, after the device was full
MOST_PUT_BACK = 2  # times that a request waits because the device was full; then it may fail
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
        self._budget = plan.memory * model.dtype.itemsize / HALF
        self._room = plan.memory
        self._kept = Kept(0 if self._forward.whole_prompts else self._budget * KEPT_SHARE)
        self._waiting: deque[Request] = deque()
        self._reading: list[Request] = []
        self._batches: list[Batch] = []
        self._short_first = False
        self._row_bytes = self._token_bytes = (
            0.0  # of one row's states, and of one token's keys and values, as measured
        )
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
        return int(self._used // PAGE), int(self._budget // PAGE)

    # --- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            with torch.inference_mode():
                while self._take_news():
                    self._step()
        except Exception as error:
            log.exception("the generation thread failed")
            self.fatal = f"the generation thread failed: {first_line(error)}"
        new, _ = self._mailbox.take(lambda: True)
        for request in [*new, *self._all]:
            self._mailbox.deliver(request, error=self.fatal or "the service is shutting down")
        self._mailbox.rest()

    def _take_news(self) -> bool:
        """Wait for work, and take what was added and removed. Returns whether to continue."""
        new, removed = self._mailbox.take(lambda: self._has_work)
        self._waiting.extend(new)
        left = [request for request in self._all if request.request_id in removed]
        for request in left:
            request.ended = True
        self._in_memory(lambda: self._drop_all(left))
        return not self._mailbox.is_closed

    def _step(self) -> None:
        self._in_memory(self._compute)

    def _compute(self) -> None:
        self._admit()
        if self._reading:
            self._read_piece()
        for batch in list(self._batches):
            self._answer(batch)
        self._make_room()

    def _in_memory(self, work: Callable[[], object]) -> None:
        """Do something for which the device may have too little memory. Then all that is under way begins again."""
        before = list(self._all)
        try:
            work()
        except torch.OutOfMemoryError as error:
            error.__traceback__ = None  # it holds the tensors of the failed step
            self._recover(before)

    def _admit(self) -> None:
        """Begin to read waiting prompts while the cache has room for them; one is always let in."""
        while self._waiting:
            request = self._waiting[0]
            wanted = self._used - self._kept.bytes + self._expected(request)
            if wanted > self._budget and (self._reading or self._batches):
                return
            self._reading.append(self._waiting.popleft())
            if not self._sampler.scores_prompt(request.request_id):  # each of its tokens must be read
                prompt = request.named[: len(request.prompt)]
                request.read, request.cache = self._kept.find(_domain(request), prompt)
            request.cache = request.cache or self._forward.new_cache()
            request.found = request.found or request.read
            self._mailbox.tell_found(request)

    def _read_piece(self) -> None:
        """Read a piece of the shortest and of the oldest prompt in turn (transformers_engine/short_first.py)."""
        self._short_first = not self._short_first
        request = min(self._reading, key=lambda one: len(one.to_read)) if self._short_first else self._reading[0]
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
            self._reading.remove(request)
            request.ended = True
            self._mailbox.deliver(request, error=f"a picture cannot be read: {first_line(error)}")
            return
        if scored:
            self._sampler.keep_scores(request.request_id, request.read, scores[:, : self._vocabulary])
        request.read += count
        self._measure(request)
        if request.read == request.keep_at:
            self._kept.add(_domain(request), request.named[: request.read], request.cache)
        if is_last:
            self._reading.remove(request)
            if not self._say([request], scores[-1:]):
                self._join(request)

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
        return rest if self._cuda else piece(len(self._answering), rest)

    def _measure(self, request: Request) -> None:
        """Learn from a cache what others will take. States have one size, whatever the prompt's length."""
        states = state_size(request.cache)
        self._row_bytes = max(self._row_bytes, states)
        self._token_bytes = max(self._token_bytes, (size(request.cache) - states) / max(request.read, TAIL))

    def _expected(self, request: Request) -> float:
        """Bytes that a request's cache will take when its prompt is read."""
        return self._row_bytes + len(request.to_read) * self._token_bytes

    def _answer(self, batch: Batch) -> None:
        """One token for every row of a batch."""
        for request in self._say(batch.rows, batch.step()):
            cache = batch.leave(request)
            self._kept.add(_domain(request), request.named[: request.read], cache)
        self._batches = [one for one in self._batches if one.rows]

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

    def _join(self, request: Request) -> None:
        batch = next((batch for batch in self._batches if batch.suits(request)), None)
        if batch is None:
            batch = Batch(self._forward)
            self._batches.append(batch)
        batch.join(request)

    def _drop_all(self, requests: Iterable[Request]) -> None:
        for request in requests:
            self._drop(request)

    def _drop(self, request: Request) -> None:
        """Forget a request, wherever it is."""
        if request in self._waiting:
            self._waiting.remove(request)
        elif request in self._reading:
            self._reading.remove(request)
        else:
            batch = next(batch for batch in self._batches if request in batch.rows)
            batch.leave(request)
            self._batches = [one for one in self._batches if one.rows]

    def _make_room(self) -> None:
        """Keep within the budget: first drop what is kept, then put back the newest requests."""
        while self._used > self._budget and (self._kept.drop_oldest() or self._put_back_newest()):
            continue

    def _put_back_newest(self) -> bool:
        """Let the newest request wait. Returns whether there were at least two, because one must continue."""
        active = self._active
        if len(active) > 1:
            self._put_back(active[-1])
        return len(active) > 1

    def _put_back(self, request: Request) -> None:
        """Let a request wait. Its prompt and its answer so far are read again later."""
        self._drop(request)
        request.read, request.cache = 0, None
        request.put_back += 1
        self._waiting.appendleft(request)

    def _recover(self, before: Sequence[Request]) -> None:
        """The device is full: free all that can be freed, and begin again with smaller pieces.

        A step that broke off has changed some layers of a cache and not the others. So no cache of a request under way
        is used again. After MOST_PUT_BACK times for each of them, the longest fails.

        Args:
            before: all requests before the step. One that is nowhere now was on its way from one place to another.
        """
        waiting = {request.request_id for request in self._waiting}
        alive = [request for request in dict.fromkeys([*before, *self._all]) if not request.ended]
        active = [request for request in alive if request.request_id not in waiting]
        while self._kept.drop_oldest():
            continue
        self._reading, self._batches = [], []
        self._piece = max(LEAST_PIECE, self._piece // 2)
        patient = [request for request in active if request.put_back < MOST_PUT_BACK]
        if patient:
            patient[-1].put_back += 1
        elif active:
            longest = max(active, key=lambda request: len(request.prompt) + len(request.tokens))
            active.remove(longest)
            longest.ended, longest.cache = True, None
            self._mailbox.deliver(longest, error=EXPLANATION)
        for request in active:
            request.read, request.cache = 0, None
            self._sampler.rewind(request.request_id, len(request.prompt) + len(request.tokens))
        self._waiting = deque([*active, *(request for request in self._waiting if not request.ended)])
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        log.error("out of memory: %d requests wait; run `glados models plan` to see what fits", len(self._waiting))

    @property
    def _answering(self) -> list[Request]:
        return [request for batch in self._batches for request in batch.rows]

    @property
    def _active(self) -> list[Request]:
        return [*self._answering, *self._reading]

    @property
    def _all(self) -> Iterator[Request]:
        yield from (*self._waiting, *self._active)

    @property
    def _has_work(self) -> bool:
        return bool(self._waiting or self._reading or self._batches)

    @property
    def _used(self) -> float:
        """Bytes of all caches."""
        reading = sum(size(request.cache) for request in self._reading)
        return reading + self._kept.bytes + sum(batch.bytes for batch in self._batches)


def _domain(request: Request) -> str:
    """Caller and LoRA, which are the end of its id."""
    return request.request_id.partition(DOMAIN)[2]
