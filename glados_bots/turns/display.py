"""Keeps the messages on a platform equal to the newest view of one answer, within the edit budget.

Creating a message is the only step that cannot be repeated freely, so its id is saved at once, under the lease. All
later steps are edits, and only the newest text counts.
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
from glados_bots.files_out.answer import beside, growing
from glados_bots.store.leases import Lease
from glados_bots.store.store import Store
from glados_bots.surface import MessageGoneError, OutFile, PlaceGoneError, State, Surface, View
from glados_bots.turns.insistence import Insistence, LeaseLostError, PausedError
from glados_bots.turns.pacing import Pacer

log = logging.getLogger(__name__)
T = TypeVar("T")

SAVE_S = 60.0
UNDER_WAY = ("waiting", "writing")


def nonce(turn: str, noted: int) -> str:
    """A name for the next message of an answer; at most 25 characters, Discord's limit.

    Every process computes the same name until the message is noted, even if the text changes meanwhile. So a message
    is found again if its process died before it noted the message, also after an edit of the question.

    Args:
        turn: id of the turn.
        noted: how many messages of its answer are noted already.
    """
    return hashlib.sha256(f"{turn}:{noted}".encode()).hexdigest()[:25]


class Display:
    """The messages of one answer. `show` is cheap, even for every token; the task `keep_up` does the edits."""

    def __init__(self, surface: Surface, store: Store, pacer: Pacer, lease: Lease) -> None:
        self._surface = surface
        self._store = store
        self._pacer = pacer
        self.lease = lease
        self._insist = Insistence(store.platform, lease.turn.id)
        self.posts = list(lease.posts)
        self._saved_posts, self._noted = set(lease.posts), lease.noted
        self.begun = asyncio.Event()  # set once our first message exists
        if self.posts:
            self.begun.set()
        self._shown: list[View | None] = [None] * len(self.posts)
        self._wanted: list[View] = []
        self._draft = self._saved_draft = lease.draft
        self._changed = asyncio.Event()
        self._paused = asyncio.Event()
        self._is_buried = lease.is_buried and bool(self.posts)

    def show(
        self,
        chunks: list[str],
        notice: str,
        state: State,
        draft: str,
        *,
        model: str = "",
        files: tuple[OutFile, ...] = (),
    ) -> None:
        """Set how the answer should look; `keep_up` applies it. An empty answer is one message with the notice only.

        `draft` is the markdown that the chunks were made of. The small print names `model`. The last message has the
        notice, the model and the files. An answer that has not ended shows no more messages than it may end with.
        """
        self._draft = draft
        if state in UNDER_WAY:
            chunks, follows = growing(chunks, self._surface.files_out)
            notice = beside(follows, notice, self.lease.turn.language)
        *texts, last = chunks or [""]
        self._wanted = [View(text, "", state, is_last=False) for text in texts]
        self._wanted.append(View(last, notice, state, is_last=True, model=model, files=files))
        self._changed.set()

    async def keep_up(self) -> None:
        """Edit until `pause`, always with the newest text, as the budget allows. It runs beside the generation.

        Nobody may cancel it: nothing may come between creating a message and saving its id. Creating a message takes
        nothing from the budget of edits, so the placeholder does not delay the first words.
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
                # One grant allows one edit to the text wanted now. It may change before Redis has the draft.
                wanted = self._wanted
                await self._save_draft()
                await self._sync_granted(wanted, edits=int(needs_edit))

    def _needs_edit(self) -> bool:
        return any(shown != view for shown, view in zip(self._shown, self._wanted, strict=False))

    async def _sync_granted(self, wanted: list[View], *, edits: int) -> None:
        """Bring messages up to date, oldest first, with at most `edits` edits. The next grant covers the rest."""
        for index, view in enumerate(wanted):
            if index >= len(self.posts):
                await self._post(view, is_paced=True)
            elif self._shown[index] != view:
                if not edits:
                    self._changed.set()
                    return
                edits -= 1
                if not await self._edit_once(index, view):
                    return  # no message may stand below an incomplete one

    def pause(self) -> None:
        """Let `keep_up` return after its present request."""
        self._paused.set()
        self._changed.set()

    async def settle(self) -> None:
        """Show the last wanted view, with as many tries as it takes, and remove messages that the answer does not need.

        A removal is retried until it succeeds: a wrong message that stays is worse than a conversation that waits.
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
        """Save the draft and show it one last time, if the answer has a message already."""
        await self._save_draft()
        if self.posts:
            await self._show_all()

    async def remove_all(self) -> None:
        """Delete every message of this answer, newest first."""
        self._wanted = []
        await self.settle()

    async def _show_all(self) -> None:
        """Show the wanted views. Each edit has the priority of a final edit in the budget."""
        for index, view in enumerate(self._wanted):
            if index >= len(self.posts):
                if not self.lease.is_again:
                    await self._post(view)
            elif self._shown[index] != view:
                await self._edit(index, view)

    async def _post(self, view: View, *, is_paced: bool = False) -> None:
        """Create a message. Raises PausedError if `is_paced` and `pause` was called before a retry."""
        post = await self._insist(self._say(view), given_up=self._paused if is_paced else None)
        self.posts.append(post)
        self._shown.append(view)
        self.begun.set()
        await self._save_posts()

    def _say(self, view: View) -> Callable[[], Awaitable[str]]:
        """A function that creates the next message once, even if it is called again."""
        turn, name = self.lease.turn, nonce(self.lease.turn.id, self._noted)
        return lambda: self._surface.post(turn, view, name)

    async def _find_lost(self) -> None:
        """Remove a message that was created but never noted: it is no part of the answer.

        Its process died in between, or Redis was not reachable when a waiting question got its notice.
        """
        turn, name = self.lease.turn, nonce(self.lease.turn.id, self._noted)
        with suppress(PlaceGoneError):
            post = await self._insist(lambda: self._surface.find(turn, name))
            if post and post not in self.posts:
                await self._adopt([post])

    async def _find_strays(self) -> None:
        """Remove messages that a late call of a dead process made: they are no part of the answer."""
        turn, names = self.lease.turn, [nonce(self.lease.turn.id, number) for number in range(self._noted + 1)]
        with suppress(PlaceGoneError):
            found = await self._insist(lambda: self._surface.strays(turn, names, self.posts))
            if found:
                log.info("turn %s: removing %d messages that a late call of a dead process made", turn.id, len(found))
                await self._adopt(found)

    async def _adopt(self, posts: list[str]) -> None:
        self.posts += posts
        self._shown += [None] * len(posts)
        await self._save_posts()

    async def _edit(self, index: int, view: View) -> None:
        """Make a message look like `view`, with as many tries as it takes. Each try waits for room in the budget."""
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
        """Try to make a message look like `view`. False when that failed: the next edit tries again."""
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
        """Replace the notice of a question that waited by a message below the previous answer, with another nonce.

        The notice is removed first, so that a crash in between leaves no unknown message.
        """
        if self._is_buried and index == 0:
            with suppress(MessageGoneError):
                await self._insist(lambda: self._surface.remove(self.lease.turn, self.posts[0]), tries=tries)
            await self._replace(0, view, given_up=given_up)

    async def _replace(self, index: int, view: View, *, given_up: asyncio.Event | None = None) -> None:
        """Post a message again that somebody deleted."""
        self.posts[index] = await self._insist(self._say(view), given_up=given_up)
        self._is_buried = self._is_buried and index > 0
        await self._save_posts()

    async def _save_draft(self) -> None:
        """Save what people see for the next worker of the turn. A later draft follows if Redis is not reachable."""
        draft = self._draft
        if draft == self._saved_draft:
            return
        with suppress(StoreUnavailableError):
            if not await self._store.note_draft(self.lease, draft):
                raise LeaseLostError
            self._saved_draft = draft

    async def _save_posts(self) -> None:
        """Save the ids of new messages. Only this process knows them, so it retries for SAVE_S without Redis."""
        deadline = time.monotonic() + SAVE_S
        while True:
            try:
                is_ours = await self._store.save_posts(self.lease, self.lease.turn.id, self.posts)
            except StoreUnavailableError as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("turn %s: %s; the ids of its messages are kept; trying again", self.lease.turn.id, error)
                await asyncio.sleep(0.5)
            else:
                break
        if not is_ours:
            raise LeaseLostError
        self._noted += len(set(self.posts) - self._saved_posts)
        self._saved_posts = set(self.posts)
