"""Keeps the messages on a platform equal to the newest view of one answer, within the edit budget.

Creating a message is the only step that cannot be repeated freely: its id is saved at once, under the lease. Everything
after that is an edit, and only the newest text counts.
"""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from glados_bots.errors import StoreUnavailableError
from glados_bots.store.leases import Lease
from glados_bots.store.store import Store
from glados_bots.surface import MessageGoneError, PlaceGoneError, State, Surface, View
from glados_bots.turns.insistence import Insistence, LeaseLostError, PausedError
from glados_bots.turns.pacing import Pacer

log = logging.getLogger(__name__)
T = TypeVar("T")

SAVE_S = 60.0


def nonce(turn: str, noted: int) -> str:
    """A name for the next message of an answer; at most 25 characters, Discord's limit.

    It is the same in every process until the message is noted, whatever the answer is to say meanwhile. So one that was
    made by a process which died before it could note it is found, also when the question was edited since.

    Args:
        turn: whose answer.
        noted: how many messages were noted for it before.
    """
    return hashlib.sha256(f"{turn}:{noted}".encode()).hexdigest()[:25]


class Display:
    """The messages of one answer. `show` is cheap, even at every token; a task of its own does the edits."""

    def __init__(self, surface: Surface, store: Store, pacer: Pacer, lease: Lease) -> None:
        self._surface = surface
        self._store = store
        self._pacer = pacer
        self.lease = lease
        self._insist = Insistence(store.platform, lease.turn.id)
        self.posts = list(lease.posts)
        self._saved_posts, self._noted = set(lease.posts), lease.noted
        self.begun = asyncio.Event()  # our first message stands
        if self.posts:
            self.begun.set()
        self._shown: list[View | None] = [None] * len(self.posts)
        self._wanted: list[View] = []
        self._draft = self._saved_draft = lease.draft
        self._changed = asyncio.Event()
        self._paused = asyncio.Event()
        self._is_buried = lease.is_buried and bool(self.posts)

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
        with suppress(PausedError):
            while not self._paused.is_set():
                await self._changed.wait()
                self._changed.clear()
                needs_edit = self._needs_edit()
                if needs_edit:
                    budget, stream = self._surface.budget(self.lease.turn), self.lease.turn.id
                    await self._pacer.wait(budget, stream, given_up=self._paused)
                if self._paused.is_set():
                    return
                # One grant is one edit, of what is newest now: more may be wanted before Redis has the draft.
                wanted = self._wanted
                await self._save_draft()
                await self._sync_granted(wanted, edits=int(needs_edit))

    def _needs_edit(self) -> bool:
        return any(shown != view for shown, view in zip(self._shown, self._wanted, strict=False))

    async def _sync_granted(self, wanted: list[View], *, edits: int) -> None:
        """Bring messages up to date, oldest first, with at most so many edits; the next grant does what is left."""
        for index, view in enumerate(wanted):
            if index >= len(self.posts):
                await self._post(view, is_paced=True)
            elif self._shown[index] != view:
                if not edits:
                    self._changed.set()
                    return
                edits -= 1
                if not await self._edit_once(index, view):
                    return  # nothing is said below what is not complete

    def pause(self) -> None:
        """Let `keep_up` return after the request it is at."""
        self._paused.set()
        self._changed.set()

    async def settle(self) -> None:
        """Show the last wanted view whatever it takes, and remove messages the answer does not need any more.

        A removal is tried until it is done: what would stand for good is worse than a conversation that waits.
        """
        await self._show_all()
        if self.lease.is_again:
            await self._find_strays()
        elif self.lease.is_watched or not self._wanted:
            await self._find_lost()
        while len(self.posts) > len(self._wanted):
            post = self.posts[-1]
            with suppress(MessageGoneError):
                await self._insist(lambda: self._surface.remove(self.lease.turn, post), tries=math.inf)  # noqa: B023
            self.posts.pop()
            del self._shown[len(self.posts) :]
            await self._save_posts()

    async def hand_over(self) -> None:
        """Save the draft and show it one last time, where something of ours stands already."""
        await self._save_draft()
        if self.posts:
            await self._show_all()

    async def remove_all(self) -> None:
        """Delete every message of this answer, newest first."""
        self._wanted = []
        await self.settle()

    async def _show_all(self) -> None:
        """Show what is wanted, with a final's place in the budget for each edit."""
        for index, view in enumerate(self._wanted):
            if index >= len(self.posts):
                if not self.lease.is_again:
                    await self._post(view)
            elif self._shown[index] != view:
                await self._edit(index, view)

    async def _post(self, view: View, *, is_paced: bool = False) -> None:
        """Create a message; PausedError when `is_paced`, and the pause came while it was to be tried again."""
        post = await self._insist(self._say(view), given_up=self._paused if is_paced else None)
        self.posts.append(post)
        self._shown.append(view)
        self.begun.set()
        await self._save_posts()

    def _say(self, view: View) -> Callable[[], Awaitable[str]]:
        """Creates the next message, however often it is called."""
        turn, name = self.lease.turn, nonce(self.lease.turn.id, self._noted)
        return lambda: self._surface.post(turn, view, name)

    async def _find_lost(self) -> None:
        """A message that was made and never noted is no part of the answer: it goes.

        Its process died in between; or Redis was away when it was the notice of a question that waited.
        """
        turn, name = self.lease.turn, nonce(self.lease.turn.id, self._noted)
        with suppress(PlaceGoneError):
            post = await self._insist(lambda: self._surface.find(turn, name))
            if post and post not in self.posts:
                await self._adopt([post])

    async def _find_strays(self) -> None:
        """What a dead process' call made after the turn had gone on without it is no part of the answer: it goes."""
        turn, names = self.lease.turn, [nonce(self.lease.turn.id, number) for number in range(self._noted + 1)]
        with suppress(PlaceGoneError):
            found = await self._insist(lambda: self._surface.strays(turn, names, self.posts))
            if found:
                log.info("turn %s: a late call of a dead process made %d messages; they go", turn.id, len(found))
                await self._adopt(found)

    async def _adopt(self, posts: list[str]) -> None:
        self.posts += posts
        self._shown += [None] * len(posts)
        await self._save_posts()

    async def _edit(self, index: int, view: View) -> None:
        """Make a message look like this, whatever it takes; each try waits for room in the budget."""
        turn, post = self.lease.turn, self.posts[index]

        async def granted() -> None:
            await self._pacer.wait(self._surface.budget(turn), turn.id, final=True)
            await self._surface.edit(turn, post, view)

        try:
            await self._insist(granted)
        except MessageGoneError:
            if not self.lease.is_again:
                await self._replace(index, view)
        else:
            await self._raise_notice(index, view, tries=math.inf)
        self._shown[index] = view

    async def _edit_once(self, index: int, view: View) -> bool:
        """Try to make a message look like this; False when that failed, and is left to the next edit."""
        turn, post = self.lease.turn, self.posts[index]
        try:
            await self._insist(lambda: self._surface.edit(turn, post, view), tries=1)
            await self._raise_notice(index, view, tries=1, given_up=self._paused)
        except MessageGoneError:
            await self._replace(index, view, given_up=self._paused)
        except (PlaceGoneError, LeaseLostError, PausedError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a platform's client raises
            log.warning("turn %s: an edit failed (%s); the next one carries the newest text", turn.id, error)
            return False
        self._shown[index] = view
        return True

    async def _raise_notice(
        self, index: int, view: View, *, tries: float, given_up: asyncio.Event | None = None
    ) -> None:
        """The notice of a question that waited makes way for a message below the answer before it, under another nonce.

        Removed first, so that a crash in between leaves no message that nobody knows of.
        """
        if self._is_buried and index == 0:
            with suppress(MessageGoneError):
                await self._insist(lambda: self._surface.remove(self.lease.turn, self.posts[0]), tries=tries)
            await self._replace(0, view, given_up=given_up)

    async def _replace(self, index: int, view: View, *, given_up: asyncio.Event | None = None) -> None:
        """Somebody deleted our message: say it again in a new one."""
        self.posts[index] = await self._insist(self._say(view), given_up=given_up)
        self._is_buried = self._is_buried and index > 0
        await self._save_posts()

    async def _save_draft(self) -> None:
        """Let a worker who takes the turn over know what people saw; while Redis is away, that is put off."""
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
                is_ours = await self._store.save_posts(self.lease, self.lease.turn.id, self.posts)
            except StoreUnavailableError as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("turn %s: %s; the ids of its messages are kept here", self.lease.turn.id, error)
                await asyncio.sleep(0.5)
            else:
                break
        if not is_ours:
            raise LeaseLostError
        self._noted += len(set(self.posts) - self._saved_posts)
        self._saved_posts = set(self.posts)
