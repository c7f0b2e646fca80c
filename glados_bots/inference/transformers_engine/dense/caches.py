"""Where each request has its cache, and the memory that all caches take.

A request waits without a cache. It gets one when its prompt is read. When it is answered, its cache is a row of a
batch. What it leaves behind is kept for later requests.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from glados_bots.inference.transformers_engine.dense.batch import Batch, Forward, Request
from glados_bots.inference.transformers_engine.dense.kept import TAIL, Kept
from glados_bots.inference.transformers_engine.dense.states import size, state_size
from glados_bots.inference.transformers_engine.prefix_cache import DOMAIN

KEPT_SHARE = 0.5  # of the cache's memory, at most, for prompts of earlier requests
MOST_PUT_BACK = 2  # times that a request waits because the device was full; then it may fail


class Caches:
    """The caches of one scheduler. Only its thread calls this.

    Args:
        forward: of the model.
        budget: bytes for all caches.
    """

    def __init__(self, forward: Forward, budget: float) -> None:
        self._forward = forward
        self.budget = budget
        self.kept = Kept(0 if forward.whole_prompts else budget * KEPT_SHARE)
        self.waiting: deque[Request] = deque()
        self.reading: list[Request] = []
        self.batches: list[Batch] = []
        self._row_bytes = self._token_bytes = (
            0.0  # of one row's states, and of one token's keys and values, as measured
        )

    def admit(self, is_scored: Callable[[str], bool]) -> Iterator[Request]:
        """Begin to read waiting prompts while the budget has room for them; one is always let in. Yields each.

        Args: is_scored: whether each token of a request's prompt must be read, given its id.
        """
        while self.waiting:
            request = self.waiting[0]
            wanted = self.used - self.kept.bytes + self.expected(request)
            if wanted > self.budget and (self.reading or self.batches):
                return
            self.reading.append(self.waiting.popleft())
            if not is_scored(request.request_id):
                prompt = request.named[: len(request.prompt)]
                request.read, request.cache = self.kept.find(_domain(request), prompt)
            request.cache = request.cache or self._forward.new_cache()
            request.found = request.found or request.read
            yield request

    def expected(self, request: Request) -> float:
        """Bytes that a request's cache will take when its prompt is read."""
        return self._row_bytes + len(request.to_read) * self._token_bytes

    def measure(self, request: Request) -> None:
        """Learn from a cache what others will take. States have one size, whatever the prompt's length."""
        states = state_size(request.cache)
        self._row_bytes = max(self._row_bytes, states)
        self._token_bytes = max(self._token_bytes, (size(request.cache) - states) / max(request.read, TAIL))

    def keep_prompt(self, request: Request) -> None:
        """Keep what a request has read of its prompt."""
        self.kept.add(_domain(request), request.named[: request.read], request.cache)

    def join(self, request: Request) -> None:
        """Give a request whose prompt was read a row of a batch."""
        batch = next((batch for batch in self.batches if batch.suits(request)), None)
        if batch is None:
            batch = Batch(self._forward)
            self.batches.append(batch)
        batch.join(request)

    def finish(self, batch: Batch, requests: Iterable[Request]) -> None:
        """Keep what finished rows of a batch hold."""
        for request in requests:
            cache = batch.leave(request)
            self.kept.add(_domain(request), request.named[: request.read], cache)
        self._forget_empty()

    def drop_all(self, requests: Iterable[Request]) -> None:
        for request in requests:
            self._drop(request)

    def _drop(self, request: Request) -> None:
        """Forget a request, wherever it is."""
        if request in self.waiting:
            self.waiting.remove(request)
        elif request in self.reading:
            self.reading.remove(request)
        else:
            next(batch for batch in self.batches if request in batch.rows).leave(request)
            self._forget_empty()

    def _forget_empty(self) -> None:
        self.batches = [batch for batch in self.batches if batch.rows]

    def make_room(self) -> None:
        """Keep within the budget: first drop what is kept, then put back the newest requests."""
        while self.used > self.budget and (self.kept.drop_oldest() or self._put_back_newest()):
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
        self.waiting.appendleft(request)

    def begin_again(self, before: Sequence[Request]) -> tuple[list[Request], Request | None]:
        """Free all caches after a step that broke off: it has changed some layers of a cache and not the others.

        Args:
            before: all requests before the step. One that is nowhere now was on its way from one place to another.

        Returns:
            The requests that were under way and now wait, and the one that is given up: the longest, when each of them
            has been put back MOST_PUT_BACK times.
        """
        waiting = {request.request_id for request in self.waiting}
        alive = [request for request in dict.fromkeys([*before, *self.all]) if not request.ended]
        active = [request for request in alive if request.request_id not in waiting]
        while self.kept.drop_oldest():
            continue
        self.reading, self.batches = [], []
        given_up = _too_long(active)
        if given_up:
            active.remove(given_up)
            given_up.ended, given_up.cache = True, None
        for request in active:
            request.read, request.cache = 0, None
        self.waiting = deque([*active, *(request for request in self.waiting if not request.ended)])
        return active, given_up

    @property
    def answering(self) -> list[Request]:
        return [request for batch in self.batches for request in batch.rows]

    @property
    def _active(self) -> list[Request]:
        return [*self.answering, *self.reading]

    @property
    def all(self) -> list[Request]:
        return [*self.waiting, *self._active]

    @property
    def used(self) -> float:
        """Bytes of all caches."""
        reading = sum(size(request.cache) for request in self.reading)
        return reading + self.kept.bytes + sum(batch.bytes for batch in self.batches)


def _too_long(active: Sequence[Request]) -> Request | None:
    """The longest request, if none has patience left. Else the newest that has loses some, and the result is None."""
    patient = [request for request in active if request.put_back < MOST_PUT_BACK]
    if patient:
        patient[-1].put_back += 1
        return None
    return max(active, key=lambda request: len(request.prompt) + len(request.tokens), default=None)


def _domain(request: Request) -> str:
    """Caller and LoRA, which are the end of its id."""
    return request.request_id.partition(DOMAIN)[2]
