"""Conversations, inbox and leases of one platform. The scripts in lua/ are the only transitions of a turn's life."""

import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from glados_bots.conversation import Exchange, Turn
from glados_bots.metrics import RECEIVED
from glados_bots.store.connection import Client, reply_of, script
from glados_bots.store.leases import Action, Ending, Lease, Receipt, Renewal
from glados_bots.store.limits import Limits
from glados_bots.store.reads import StoreReads

DEDUPE_SECONDS = 24 * 3600  # platforms repeat an event for minutes; a day also covers a repaired outage
SCRIPTS = ("accept", "claim", "renew", "note", "restart", "finish", "release", "free", "change", "forget", "vote")
BEGINNINGS = {"accept": ["limits"], "change": ["limits"], "claim": ["again"], "finish": ["again"]}  # shared functions


class Store(StoreReads):
    """Conversations, inbox and leases of one platform.

    Every method raises StoreUnavailableError when Redis is away or refuses; the caller decides what that means.
    """

    def __init__(
        self,
        client: Client,
        platform: str,
        *,
        ttl: int,
        max_exchanges: int,
        max_queued: int = 10,
        lease_s: float = 15.0,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        owner: str = "",
    ) -> None:
        """Nothing is asked yet. `owner` names the processes that follow each other in our place; see `free`."""
        super().__init__(client, platform)
        self.lease_s = lease_s
        self.ttl = ttl
        self.limits = limits
        self._owner = owner
        self._max_exchanges = max_exchanges
        self._max_queued = max_queued
        self._scripts = {name: client.register_script(script(*BEGINNINGS.get(name, []), name)) for name in SCRIPTS}

    async def run_script(self, script: str, *args: Any) -> Any:
        return await reply_of(self._scripts[script](keys=[self.prefix], args=args))

    # --- the inbox -------------------------------------------------------------------------------------------------

    async def accept(self, turn: Turn, *, dedupe: Sequence[str] = (), join_window_s: float = 0.0) -> Receipt:
        """Save a turn before the platform is told that we have it.

        Args:
            turn: the question.
            dedupe: further names of the same event, such as the platform's event id; the turn's id is always one.
            join_window_s: a question of the same author, not older than this and not begun, takes this text in.
        """
        keys = dict.fromkeys([turn.id, *dedupe])
        found = await self.run_script(
            "accept", turn.id, turn.conversation, turn.author, turn.to_json(), turn.text,
            int(join_window_s * 1000), self._max_queued, DEDUPE_SECONDS, self.ttl,
            self.limits.asked(turn), *keys,
        )  # fmt: skip
        RECEIVED.labels(self.platform, found[0]).inc()
        return Receipt.of(turn.id, found)

    async def claim(self) -> Lease | None:
        """Take the lease of the conversation that waits longest, or None when nothing waits."""
        found = await self.run_script("claim", int(self.lease_s * 1000), self._owner)
        if found is None:
            return None
        _, fence, _, flat = found
        return Lease.of(int(fence), dict(zip(flat[::2], flat[1::2], strict=True)))

    async def free(self) -> int:
        """Let the turns be claimed again that a process of our owner's name has; returns how many these are.

        To be called by a process that starts, when its predecessor is surely dead. The oldest questions come first.
        """
        return int(await self.run_script("free", self._owner)) if self._owner else 0

    async def wait_for_work(self, timeout_s: float) -> None:
        """Return when a turn was accepted, or after the timeout (leases also run out silently)."""
        await reply_of(cast("Awaitable[Any]", self.client.blpop([f"{self.prefix}wake"], timeout=timeout_s)))

    # --- a leased turn ---------------------------------------------------------------------------------------------

    async def renew(self, lease: Lease) -> Renewal | None:
        """Prolong a lease; None means that it is lost and the work must stop without a trace."""
        found = await self.run_script(
            "renew", lease.turn.conversation, lease.fence, int(self.lease_s * 1000), lease.turn.id
        )
        return None if found is None else Renewal(found[0] or None, tuple(found[1:]))

    async def save_posts(self, lease: Lease, turn: str, posts: Sequence[str]) -> bool:
        """Remember the messages posted for a turn of the leased conversation; False when the lease is lost."""
        return await self._note(lease, turn, "posts", json.dumps(list(posts)))

    async def note_draft(self, lease: Lease, text: str) -> bool:
        """Remember what people are about to see, so that a worker who takes over can keep it."""
        return await self._note(lease, lease.turn.id, "draft", text)

    async def note_answer(self, lease: Lease, exchange: Exchange, notice: str = "") -> bool:
        """Remember the whole answer with its notice before it is shown: a crash in between must not lead to another."""
        return await self._note(lease, lease.turn.id, "answer", exchange.to_json(), "notice", notice)

    async def note_hand(self, lease: Lease, *, works: bool) -> bool:
        """Remember whether own work of a watched turn is in hand, should our process die."""
        return await self._note(lease, lease.turn.id, "hand", "works" if works else "waits")

    async def note_error(self, lease: Lease, error: str) -> bool:
        """Remember why an attempt failed, for the operator who finds the turn among the dead letters."""
        return await self._note(lease, lease.turn.id, "error", error)

    async def _note(self, lease: Lease, turn: str, *fields: str) -> bool:
        return bool(await self.run_script("note", lease.turn.conversation, lease.fence, turn, *fields))

    async def restart(self, lease: Lease) -> Lease | None:
        """Begin a turn again that was asked to be redone while it ran: the lease with its newest text.

        Its `cancel` says what has been asked since then; None when the lease is lost.
        """
        found = await self.run_script("restart", lease.turn.conversation, lease.fence, lease.turn.id)
        if found is None:
            return None
        asked, text, version = found
        return replace(
            lease,
            turn=replace(lease.turn, text=text),
            version=int(version),
            cancel=None if asked == "redo" else asked,
            draft=lease.draft if asked == "stop" else "",
            answer=None,
            failures=0,
            is_again=False,
        )

    async def finish(self, lease: Lease, exchange: Exchange | None, again_s: float = 0.0, spent: int = 0) -> Ending:
        """End the turn in one step.

        Args:
            lease: the right to do so.
            exchange: what to keep; a failed one also becomes a dead letter that an operator may list, retry or drop.
                None when the question was deleted: then every trace of the turn goes.
            spent: tokens that a deleted question has cost.
            again_s: after how long its end is to be shown once more if a process died that had it; 0 for never.

        Returns:
            `ended`; or, with nothing changed, `lost` when the lease is lost, `delete` or `redo` when that was asked
            for in the last moment.
        """
        outcome = "gone" if exchange is None else "dead" if exchange.outcome == "failed" else "done"
        tokens = 0 if lease.is_again else exchange.tokens if exchange else spent
        found = await self.run_script(
            "finish", lease.turn.conversation, lease.fence, lease.turn.id, outcome,
            exchange.to_json() if exchange else "", self.ttl, self._max_exchanges,
            tokens, self.limits.used(lease.turn) if tokens else "[]", int(again_s * 1000),
        )  # fmt: skip
        return cast("Ending", found)

    async def release(self, lease: Lease) -> None:
        """Give the turn back unfinished, as at a shutdown."""
        await self.run_script("release", lease.turn.conversation, lease.fence, lease.turn.id)

    # --- from outside ----------------------------------------------------------------------------------------------

    async def change(self, turn: str, action: Action, text: str = "") -> str | None:
        """Stop, delete or redo a turn in whatever state it is; returns that state, None for an unknown turn.

        A message that was joined into another turn may be named by its own id.
        """
        found = await self.run_script("change", turn, action, text, "[]", 0)
        return None if found is None else str(found[0])

    async def redo(self, message: str, turn: Turn, by: str, text: str = "") -> Receipt | None:
        """Do a turn again as if it were asked now, by the person who asks for it; None when it is not known any more.

        Args:
            message: the turn's own id, or that of the message joined into it whose text is new.
            turn: as it was.
            by: who asks.
            text: the new text; empty leaves it as it is.
        """
        scopes = self.limits.asked(turn, by)
        found = await self.run_script("change", message, "redo", text, scopes, self._max_queued)
        if found is None:
            return None
        return Receipt.of(turn.id, found if found[0] in {"limited", "full"} else ["accepted", 0])

    @asynccontextmanager
    async def signals(self) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        """Listen to (word, turn) pairs: queued, stop, delete, redo. Hints only: `renew` tells the truth."""
        async with self.client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await reply_of(pubsub.subscribe(f"{self.prefix}signal"))

            async def read() -> AsyncIterator[tuple[str, str]]:
                while True:
                    message = await reply_of(pubsub.get_message(timeout=3600))
                    if message:
                        word, _, turn = str(message["data"]).partition(" ")
                        yield word, turn

            yield read()
