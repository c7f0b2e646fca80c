"""What the event loop and the scheduler's thread tell one another."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from glados_bots.inference.transformers_engine.dense.batch import Request
from glados_bots.inference.transformers_engine.scheduler import Output


class Mailbox:
    """Requests on their way to the thread, and outputs on their way back. Both sides may call at the same time."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._new: list[Request] = []
        self._removed: set[str] = set()
        self._unfinished: dict[str, asyncio.AbstractEventLoop] = {}
        self._found: dict[str, int] = {}
        self._holds = 0
        self._resting = False  # the thread is between two steps, or has ended
        self.is_closed = False

    # --- in the event loop -----------------------------------------------------------------------------------------

    def add(self, request: Request) -> None:
        with self._news:
            self._unfinished[request.request_id] = asyncio.get_running_loop()
            self._new.append(request)
            self._news.notify_all()

    def remove(self, request_id: str) -> None:
        with self._news:
            self._found.pop(request_id, None)
            if self._unfinished.pop(request_id, None) is not None:
                self._removed.add(request_id)
                self._news.notify_all()

    def close(self) -> None:
        with self._news:
            self.is_closed = True
            self._news.notify_all()

    def found(self, request_id: str) -> int:
        return self._found.get(request_id, 0)

    # --- in any other thread ---------------------------------------------------------------------------------------

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the thread between two steps. Nothing that it does is lost."""
        with self._news:
            self._holds += 1
            self._news.wait_for(lambda: self._resting)
        try:
            yield
        finally:
            with self._news:
                self._holds -= 1
                self._news.notify_all()

    # --- in the thread ---------------------------------------------------------------------------------------------

    def take(self, is_busy: Callable[[], bool]) -> tuple[list[Request], set[str]]:
        """(new requests, ids of removed ones). Waits for news, unless there is work."""
        with self._news:
            self.rest()
            self._news.wait_for(lambda: not self._holds and (self.is_closed or self._new or self._removed or is_busy()))
            self._resting = False
            news = self._new, self._removed
            self._new, self._removed = [], set()
        return news

    def rest(self) -> None:
        """Let those in who hold the thread."""
        with self._news:
            self._resting = True
            self._news.notify_all()

    def tell_found(self, request: Request) -> None:
        """Note how many tokens of the prompt were kept from an earlier request."""
        with self._news:
            if request.request_id in self._unfinished:
                self._found[request.request_id] = request.found

    def deliver(self, request: Request, *, finished: bool = False, error: str | None = None) -> None:
        """Give the output to whoever reads the request; nobody may do so any more."""
        with self._news:
            loop = self._unfinished.get(request.request_id)
            if finished or error:
                self._unfinished.pop(request.request_id, None)
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(request.deliver, Output(tuple(request.tokens), finished, error))
