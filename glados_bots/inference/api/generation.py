"""One request inside the engine, from acceptance to its last event.

A separate task reads the engine, because only one place may hold the engine's iterator. Whoever gives up (a client that
leaves, a deadline, a shutdown) cancels that task, and the engine stops computing at its next step.

Words are passed on twenty times per second, not token by token: people see no difference, and fewer pieces cost less
(JSON, HTTP, the client). The first words and the end do not wait.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from starlette.types import Receive

from glados_bots import tracing
from glados_bots.errors import GenerationFailedError
from glados_bots.inference.api.errors import ApiError, from_engine
from glados_bots.inference.api.metrics import Metrics
from glados_bots.wire.events import Begun, Choice, Delta, Event, Finished, Queued, Thought, ToolCallDelta

LONGEST_WAIT_S = 600.0  # from the request to the first words
LONGEST_ANSWER_S = 1800.0  # from the first words to the last
PIECE_S = 0.05  # from one piece of an answer to the next
Piece = Thought | Delta | ToolCallDelta
CLIENT_LEFT = 499  # nginx's status for a client that closed the connection; nobody reads it


class Generation:
    """Reads the engine's events, counts them and limits their time. `next_event` returns them."""

    def __init__(
        self,
        events: AsyncGenerator[Event],
        receive: Receive,
        metrics: Metrics,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._events = events
        self.metrics = metrics
        self._on_error = on_error
        self._unread: deque[Event | ApiError] = deque()
        self._news = asyncio.Event()
        self._next_piece_at = 0.0  # in the loop's time
        self._timer: asyncio.TimerHandle | None = None
        self.begun = True  # whether the request has left the waiting line, as far as we know
        self._tokens = 0  # tokens of prompt and answer, as the engine reports them at the end
        self._prompt_tokens = 0  # tokens of the prompt, as the engine reports them at the beginning
        self._pieces = 0  # pieces of the answer so far; each has at least one token
        self._outcome = "cancelled"
        self._began = time.monotonic()
        self._last_words: float | None = None
        self.task = asyncio.create_task(self._run())
        self._leaving = asyncio.create_task(self._watch(receive))

    def cost(self, least_prompt: int) -> int:
        """Tokens spent, even if nobody waited for the end. A request that the engine refused or lost costs none.

        Args:
            least_prompt: tokens of the prompt, if the engine has not reported them.
        """
        if self._tokens or not self.begun:
            return self._tokens
        return (self._prompt_tokens or least_prompt) + self._pieces

    async def next_event(self, patience_s: float | None = None) -> Event | None:
        """The next event, or None if nothing comes within `patience_s` seconds.

        Raises:
            ApiError: the generation failed or was aborted; no further event follows.
        """
        try:
            async with asyncio.timeout(patience_s):
                await self._news.wait()
        except TimeoutError:
            return None
        item = self._unread.popleft()
        if not self._unread:
            self._news.clear()
        if isinstance(item, ApiError):
            raise item
        if _is_piece(item):
            self._next_piece_at = asyncio.get_running_loop().time() + PIECE_S
        return item

    def _put(self, item: Event | ApiError) -> None:
        """Queue an event. Words join unread words and wait for the next piece; other events are available at once."""
        if isinstance(item, ApiError) or not _is_piece(item):
            self._unread.append(item)
            self._news.set()
            return
        if self._unread and (joined := _joined(self._unread[-1], item)):
            self._unread[-1] = joined
            return
        self._unread.append(item)
        loop = asyncio.get_running_loop()
        if loop.time() >= self._next_piece_at:
            self._news.set()
        else:
            self._timer = loop.call_at(self._next_piece_at, self._wake)

    def _wake(self) -> None:
        if self._unread:
            self._news.set()

    def abort(self, reason: ApiError) -> None:
        """Stop computing at once. The reader gets the events so far, then this error."""
        if not self.task.done():
            self.task.cancel()
            self._put(reason)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.task.cancel()
        self._leaving.cancel()
        await asyncio.gather(self.task, self._leaving, return_exceptions=True)

    async def _watch(self, receive: Receive) -> None:
        """Abort if the client leaves, even before the first byte, when no response watches the connection yet."""
        while (await receive())["type"] != "http.disconnect":
            continue
        self.abort(ApiError(CLIENT_LEFT, "client_left", "the client left"))

    async def _run(self) -> None:
        with tracing.span("engine") as mark:
            await self._read_or_say_why()
            mark.set(outcome=self._outcome)

    async def _read_or_say_why(self) -> None:
        try:
            await self._read()
        except Exception as error:  # noqa: BLE001 - the reader must learn of every error
            shaped = from_engine(error)
            self.begun = self._pieces > 0 or isinstance(error, ApiError)
            self._outcome = shaped.code
            self._put(shaped)
            self._on_error(error)
        finally:
            self.metrics.requests.labels(self._outcome).inc()
            self.metrics.duration.observe(time.monotonic() - self._began)

    async def _read(self) -> None:
        deadline = asyncio.timeout(LONGEST_WAIT_S)
        try:
            async with deadline, aclosing(self._events) as events:
                async for event in events:
                    self._count(event, deadline)
                    if not isinstance(event, Begun):
                        self._put(event)
                    if isinstance(event, Finished):
                        return
        except TimeoutError:
            if not deadline.expired():
                raise
            spent = time.monotonic() - self._began
            text = f"no complete answer after {spent:.0f} s; ask again later, or ask for a shorter answer"
            raise ApiError(503, "too_slow", text, retry_after=10) from None
        raise GenerationFailedError("the engine ended the answer without finishing it")

    def _count(self, event: Event, deadline: asyncio.Timeout) -> None:
        now = time.monotonic()
        self.begun = not isinstance(event, Queued)
        if isinstance(event, Begun):
            self._prompt_tokens += event.prompt_tokens
        if _is_piece(event):
            self._pieces += 1
            if self._last_words is None:
                self.metrics.first_token.observe(now - self._began)
                deadline.reschedule(asyncio.get_running_loop().time() + LONGEST_ANSWER_S)
            else:
                self.metrics.between.observe(now - self._last_words)
            self._last_words = now
        if isinstance(event, Finished):
            self._outcome = event.reason
            self._tokens = event.prompt_tokens + event.completion_tokens
            self.metrics.tokens.labels("prompt").inc(event.prompt_tokens)
            self.metrics.tokens.labels("cached").inc(event.cached_tokens)
            self.metrics.tokens.labels("completion").inc(event.completion_tokens)


def _is_piece(event: Event) -> bool:
    return isinstance(event.event if isinstance(event, Choice) else event, Piece)


def _joined(one: Event | ApiError, other: Event) -> Event | None:
    """Two neighbours as one piece; None if they are of different kinds, calls or choices."""
    match one, other:
        case Choice(), Choice() if one.index == other.index and (joined := _joined(one.event, other.event)):
            return one if isinstance(joined, Choice) else Choice(one.index, joined)
        case Delta(), Delta():
            return Delta(one.text + other.text, one.logprobs + other.logprobs)
        case Thought(), Thought():
            return Thought(one.text + other.text)
        case ToolCallDelta(), ToolCallDelta() if one.index == other.index:
            return replace(one, arguments=one.arguments + other.arguments)
    return None
