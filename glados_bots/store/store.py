"""Conversations, inbox and leases of one platform. Only the scripts in lua/ change a turn's state."""

import json
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, cast

from glados_bots.conversation import Attachment, Exchange, Turn, from_lines, to_lines
from glados_bots.metrics import RECEIVED
from glados_bots.store.connection import Client, reply_of, script
from glados_bots.store.leases import Action, Ending, Lease, Receipt, Renewal
from glados_bots.store.limits import Limits
from glados_bots.store.reads import StoreReads

DEDUPE_SECONDS = 24 * 3600  # platforms repeat an event for minutes; one day also covers an outage
SCRIPTS = (
    "accept", "claim", "renew", "note", "keep", "restart", "finish", "release", "free", "change", "forget", "vote",
)  # fmt: skip
BEGINNINGS = {
    "accept": ["limits", "files"],
    "change": ["limits", "files"],
    "keep": ["files"],
    "claim": ["again"],
    "finish": ["again"],
}  # shared functions


@dataclass(frozen=True, slots=True)
class Edited:
    """The new content of a message that asked."""

    text: str
    attachments: tuple[Attachment, ...] = ()


class Store(StoreReads):
    """Conversations, inbox and leases of one platform.

    Every method raises StoreUnavailableError if Redis is not reachable or refuses; the caller decides what to do then.
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
        """Sends nothing to Redis yet. `owner` is a name that successive processes of this role share; see `free`."""
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

    async def accept(
        self,
        turn: Turn,
        *,
        dedupe: Sequence[str] = (),
        join_window_s: float = 0.0,
        uploads: Mapping[str, str] = {},
    ) -> Receipt:
        """Save a turn. Only after this may the adapter tell the platform that we have the event.

        Args:
            turn: the question.
            dedupe: more ids of the same event, such as the platform's event id; the turn's own id always counts.
            join_window_s: the text joins a waiting question of the same author that is at most this old, in seconds.
            uploads: by id of an attachment, the file's bytes as base64, where no platform keeps them.
        """
        keys = dict.fromkeys([turn.id, *dedupe])
        found = await self.run_script(
            "accept", turn.id, turn.conversation, turn.author, turn.to_json(), turn.text,
            int(join_window_s * 1000), self._max_queued, DEDUPE_SECONDS, self.ttl,
            self.limits.asked(turn), to_lines(turn.attachments),
            len(uploads), *chain.from_iterable(uploads.items()), *keys,
        )  # fmt: skip
        RECEIVED.labels(self.platform, found[0]).inc()
        return Receipt.of(turn.id, found)

    async def claim(self) -> Lease | None:
        """Take the lease of the conversation that has waited longest; None if nothing waits."""
        found = await self.run_script("claim", int(self.lease_s * 1000), self._owner)
        if found is None:
            return None
        _, fence, _, flat = found
        return Lease.of(int(fence), dict(zip(flat[::2], flat[1::2], strict=True)))

    async def free(self) -> int:
        """Release the leases of earlier processes with our owner name; returns how many there were.

        A process calls this at its start, once its predecessor is certainly dead. The oldest questions come first.
        """
        return int(await self.run_script("free", self._owner)) if self._owner else 0

    async def wait_for_work(self, timeout_s: float) -> None:
        """Return when a turn was accepted, or after the timeout: no signal tells that a lease has expired."""
        await reply_of(cast("Awaitable[Any]", self.client.blpop([f"{self.prefix}wake"], timeout=timeout_s)))

    # --- a leased turn ---------------------------------------------------------------------------------------------

    async def renew(self, lease: Lease) -> Renewal | None:
        """Extend a lease. None means that it is lost: the worker must stop and leave no trace."""
        found = await self.run_script(
            "renew", lease.turn.conversation, lease.fence, int(self.lease_s * 1000), lease.turn.id
        )
        return None if found is None else Renewal(found[0] or None, tuple(found[1:]))

    async def save_posts(self, lease: Lease, turn: str, posts: Sequence[str]) -> bool:
        """Store the ids of the messages posted for a turn of the leased conversation. False if the lease is lost."""
        return await self._note(lease, turn, "posts", json.dumps(list(posts)))

    async def note_draft(self, lease: Lease, text: str) -> bool:
        """Store the text that people are about to see, so that a worker that takes over can keep it."""
        return await self._note(lease, lease.turn.id, "draft", text)

    async def note_answer(self, lease: Lease, exchange: Exchange, notice: str = "") -> bool:
        """Store the whole answer and its notice before showing it, so that a crash cannot lead to a second answer."""
        return await self._note(lease, lease.turn.id, "answer", exchange.to_json(), "notice", notice)

    async def note_hand(self, lease: Lease, *, works: bool) -> bool:
        """Store whether this process works on a watched turn itself or waits, in case the process dies."""
        return await self._note(lease, lease.turn.id, "hand", "works" if works else "waits")

    async def keep_contents(self, lease: Lease, attachment: str, contents: str) -> bool:
        """Store what was read of an attached file, in place of its bytes. False if the lease is lost."""
        arguments = (lease.turn.conversation, lease.fence, lease.turn.id, attachment, contents, self.ttl)
        return bool(await self.run_script("keep", *arguments))

    async def note_error(self, lease: Lease, error: str) -> bool:
        """Store why an attempt failed, for the operator who finds the turn among the dead letters."""
        return await self._note(lease, lease.turn.id, "error", error)

    async def _note(self, lease: Lease, turn: str, *fields: str) -> bool:
        return bool(await self.run_script("note", lease.turn.conversation, lease.fence, turn, *fields))

    async def restart(self, lease: Lease) -> Lease | None:
        """Begin a running turn again after somebody asked to redo it. Returns the lease with the newest text.

        The lease's `cancel` holds any later request. Returns None if the lease is lost.
        """
        found = await self.run_script("restart", lease.turn.conversation, lease.fence, lease.turn.id)
        if found is None:
            return None
        asked, text, version, files = found
        return replace(
            lease,
            turn=replace(lease.turn, text=text, attachments=from_lines(files or "")),
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
            lease: the lease of the turn.
            exchange: what to store; a failed one also becomes a dead letter that an operator may list, retry or drop.
                None if the question was deleted: then every trace of the turn is deleted.
            spent: tokens that a deleted question has cost.
            again_s: seconds after which the end is shown once more if a process that had the turn died; 0: never.

        Returns:
            `ended`; or, with nothing changed: `lost` if the lease is lost, `delete` or `redo` if somebody asked for
            that at the last moment.
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
        """Give the turn back unfinished, for example at shutdown."""
        await self.run_script("release", lease.turn.conversation, lease.fence, lease.turn.id)

    # --- from outside ----------------------------------------------------------------------------------------------

    async def change(self, turn: str, action: Action, edited: Edited | None = None) -> str | None:
        """Stop, delete or redo a turn in any state. Returns the state it was in; None for an unknown turn.

        `turn` may also be the id of a message that was joined into another turn.
        """
        found = await self.run_script("change", turn, action, *_changed(edited, "[]", 0))
        return None if found is None else str(found[0])

    async def redo(self, message: str, turn: Turn, by: str, edited: Edited | None = None) -> Receipt | None:
        """Answer a turn again, and count it as a new question of the person who asks. None if the turn has expired.

        Args:
            message: the turn's own id, or the id of the joined message whose text is new.
            turn: the turn as it was.
            by: the person who asks.
            edited: the new content of that message; None keeps the old.
        """
        scopes = self.limits.asked(turn, by)
        found = await self.run_script("change", message, "redo", *_changed(edited, scopes, self._max_queued))
        if found is None:
            return None
        return Receipt.of(turn.id, found if found[0] in {"limited", "full"} else ["accepted", 0])

    @asynccontextmanager
    async def signals(self) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        """Listen to (word, turn) pairs: queued, stop, delete, redo. They are only hints; `renew` is authoritative."""
        async with self.client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await reply_of(pubsub.subscribe(f"{self.prefix}signal"))

            async def read() -> AsyncIterator[tuple[str, str]]:
                while True:
                    message = await reply_of(pubsub.get_message(timeout=3600))
                    if message:
                        word, _, turn = str(message["data"]).partition(" ")
                        yield word, turn

            yield read()


def _changed(edited: Edited | None, scopes: str, cap: int) -> tuple[str, str, int, str, str]:
    """The last arguments of lua/change.lua."""
    if edited is None:
        return "", scopes, cap, "", ""
    return edited.text, scopes, cap, to_lines(edited.attachments), "1"
