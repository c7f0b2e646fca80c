"""Keeps the messages on a platform equal to the newest view of one answer, within the edit budget.

Creating a message is the only step that cannot be repeated freely: its id is saved at once, under the lease. Everything
after that is an edit, and only the newest text counts.
"""

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from glados_bots.errors import StoreUnavailableError
from glados_bots.leases import Lease
from glados_bots.metrics import SHOWN
from glados_bots.pacing import Pacer
from glados_bots.store import Store
from glados_bots.surface import MessageGoneError, PlaceGoneError, State, Surface, View

log = logging.getLogger(__name__)
T = TypeVar("T")

TRIES = 8
LONGEST_WAIT_S = 30.0
SAVE_S = 60.0


class LeaseLostError(Exception):
    """Another worker owns the turn now: stop without a trace."""


def nonce(turn: str, version: int, index: int) -> str:
    """A name for one message of one answer, the same in every process; at most 25 characters, Discord's limit."""
    return hashlib.sha256(f"{turn}:{version}:{index}".encode()).hexdigest()[:25]


class Display:
    """The messages of one answer. `show` is cheap, even at every token; a task of its own does the edits."""

    def __init__(self, surface: Surface, store: Store, pacer: Pacer, lease: Lease) -> None:
        self._surface = surface
        self._store = store
        self._pacer = pacer
        self.lease = lease
        self.posts = list(lease.posts)
        self.begun = asyncio.Event()  # our first message stands
        if self.posts:
            self.begun.set()
        self._shown: list[View | None] = [None] * len(self.posts)
        self._wanted: list[View] = []
        self._draft = self._saved_draft = lease.draft
        self._changed = asyncio.Event()
        self._paused = asyncio.Event()

    def show(self, chunks: list[str], notice: str, state: State, draft: str, model: str = "") -> None:
        """Want the answer to look like this from now on; an empty answer is one message with the notice only.

        `draft` is the markdown the chunks were made of; `model` is named in small print.
        """
        self._draft = draft
        texts = chunks or [""]
        last = len(texts) - 1
        self._wanted = [
            View(text, notice if i == last else "", state, i == last, model if i == last else "")
            for i, text in enumerate(texts)
        ]
        self._changed.set()

    async def keep_up(self) -> None:
        """Edit until `pause`, always with the newest text, as the budget allows. A task beside the generation.

        It is never cancelled: between creating a message and saving its id there must be no gap. Creating one takes
        nothing from the budget of edits, so the first words need not wait for the placeholder's sake.
        """
        self._paused.clear()
        while not self._paused.is_set():
            await self._changed.wait()
            self._changed.clear()
            if self._needs_edit():
                budget, stream = self._surface.budget(self.lease.turn), self.lease.turn.id
                if not await self._pacer.wait(budget, stream, given_up=self._paused):
                    return
            if self._paused.is_set():
                return
            await self._save_draft()
            await self._sync(final=False)

    def _needs_edit(self) -> bool:
        return any(shown != view for shown, view in zip(self._shown, self._wanted, strict=False))

    def pause(self) -> None:
        """Let `keep_up` return after the request it is at."""
        self._paused.set()
        self._changed.set()

    async def settle(self) -> None:
        """Show the last wanted view whatever it takes, and remove messages the answer does not need any more."""
        await self._sync(final=True)
        while len(self.posts) > len(self._wanted):
            await self._surface.remove(self.lease.turn, self.posts[-1])
            self.posts.pop()
            await self._save_posts()

    async def hand_over(self) -> None:
        """Save the draft and show it one last time, where something of ours stands already."""
        await self._save_draft()
        if self.posts:
            await self._sync(final=True)

    async def remove_all(self) -> None:
        """Delete every message of this answer, newest first."""
        self._wanted = []
        await self.settle()

    async def _sync(self, *, final: bool) -> None:
        """Bring each message up to date, oldest first; a paced sync makes at most one request beyond new messages."""
        for index, view in enumerate(list(self._wanted)):
            if index >= len(self.posts):
                await self._post(index, view)
            elif self._shown[index] != view:
                await self._edit(index, view, final=final)

    async def _post(self, index: int, view: View) -> None:
        name = nonce(self.lease.turn.id, self.lease.version, index)
        post = await self._insist(lambda: self._surface.post(self.lease.turn, view, name))
        self.posts.append(post)
        self._shown.append(view)
        self.begun.set()
        await self._save_posts()

    async def _edit(self, index: int, view: View, *, final: bool) -> None:
        if final:
            await self._pacer.wait(self._surface.budget(self.lease.turn), self.lease.turn.id, final=True)
        turn, post = self.lease.turn, self.posts[index]
        try:
            await self._insist(lambda: self._surface.edit(turn, post, view), tries=None if final else 1)
        except MessageGoneError:
            await self._replace(index, view)
        except Exception as error:
            if final or isinstance(error, PlaceGoneError):
                raise
            log.warning("turn %s: an edit failed (%s); the next one carries the newest text", turn.id, error)
            return
        self._shown[index] = view

    async def _replace(self, index: int, view: View) -> None:
        """Somebody deleted our message: say it again in a new one, under a nonce of its own."""
        name = nonce(self.lease.turn.id, self.lease.version, index) + self.posts[index][-6:]
        self.posts[index] = await self._insist(lambda: self._surface.post(self.lease.turn, view, name[-25:]))
        await self._save_posts()

    async def _insist(self, call: Callable[[], Awaitable[T]], tries: int | None = None) -> T:
        """Try again with growing pauses; what the surface calls final is final."""
        tries = tries or TRIES
        for attempt in range(1, tries + 1):
            try:
                done = await call()
            except (MessageGoneError, PlaceGoneError, LeaseLostError) as error:
                self._count("lost" if isinstance(error, LeaseLostError) else "gone")
                raise
            except Exception as error:
                self._count("failed")
                if attempt == tries:
                    raise
                nap = min(LONGEST_WAIT_S, 0.25 * 2**attempt) * random.uniform(0.5, 1)  # noqa: S311 - jitter
                log.warning("turn %s: %s; trying again in %.1f s", self.lease.turn.id, error, nap)
                await asyncio.sleep(nap)
            else:
                self._count("done")
                return done
        raise ValueError(f"tries={tries} must not be negative")

    def _count(self, outcome: str) -> None:
        SHOWN.labels(self._store.platform, outcome).inc()

    async def _save_draft(self) -> None:
        """So that a worker who takes the turn over knows what people saw; while Redis is away, that is put off."""
        draft = self._draft
        if draft == self._saved_draft:
            return
        with suppress(StoreUnavailableError):
            if not await self._store.note_draft(self.lease, draft):
                raise LeaseLostError
            self._saved_draft = draft

    async def _save_posts(self) -> None:
        """Messages stand there that only we know of: while Redis is away, this goes on for SAVE_S before it fails."""
        deadline = time.monotonic() + SAVE_S
        while True:
            try:
                is_ours = await self._store.note_posts(self.lease, self.lease.turn.id, self.posts)
            except StoreUnavailableError as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("turn %s: %s; the ids of its messages are kept here", self.lease.turn.id, error)
                await asyncio.sleep(0.5)
            else:
                break
        if not is_ours:
            raise LeaseLostError
