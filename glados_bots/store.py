"""Redis: every key and every script of the core, in one place.

All keys of one platform share the hash tag `{platform}`, so that each script touches one slot of a Redis Cluster.

    glados:{web}:ready              zset  conversation -> time it may be claimed from, ms; if leased, the lease's end
    glados:{web}:wake               list  one entry wakes one idle worker
    glados:{web}:seen:KEY           str   dedupe key of an accepted event
    glados:{web}:dead               zset  turn -> time it was given up
    glados:{web}:signal             channel: "queued TURN", "stop TURN", "delete TURN", "redo TURN"
    glados:{web}:t:TURN             hash  the turn: data, text, state, attempts, version, posts, cancel, draft, answer
    glados:{web}:c:CONV:queue       list  turns in order; the head runs
    glados:{web}:c:CONV:fence       int   fencing number of the latest lease
    glados:{web}:c:CONV:history     list  turns answered, oldest first
    glados:{web}:c:CONV:exchanges   hash  turn -> Exchange as JSON
    glados:version                  int   format of all of this; see data_version.py

A turn's life is told in docs/architecture.md; the scripts in lua/ are its only transitions.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Literal, TypeVar, cast

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError

from glados_bots import redis_urls
from glados_bots.conversation import Exchange, Turn
from glados_bots.errors import StoreUnavailableError
from glados_bots.metrics import RECEIVED

Client = redis.Redis
Status = Literal["accepted", "joined", "duplicate", "full"]
Action = Literal["stop", "delete", "redo"]
T = TypeVar("T")

DEDUPE_SECONDS = 24 * 3600  # platforms repeat an event for minutes; a day also covers a repaired outage
SCRIPTS = ("accept", "claim", "renew", "note", "finish", "release", "change")


def connect(url: str, *, max_connections: int = 100) -> Client:
    """A client whose pool waits instead of failing, with bounded time for every call.

    Nothing is sent yet. Reads and our scripts are safe to repeat, so a broken connection is tried three times.
    """
    return redis_urls.client(
        url,
        max_connections=max_connections,
        timeout=5,
        socket_connect_timeout=2,
        socket_timeout=5,
        health_check_interval=30,
        decode_responses=True,
        retry=Retry(ExponentialWithJitterBackoff(cap=0.5, base=0.05), 3),
    )


async def ask(call: Awaitable[T]) -> T:
    """Await one Redis call; whatever Redis says no with becomes StoreUnavailableError."""
    try:
        return await call
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailableError(f"the conversation store does not answer: {error}") from error


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an event that was to be accepted; `ahead` counts turns that go first."""

    status: Status
    ahead: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one conversation's first turn, until it runs out.

    Attributes:
        fence: a number that only grows; every write shows it, so a worker that lost its lease changes nothing.
        attempts: times this turn was claimed, this one included.
        version: 0 at first, one more for each time the turn was asked to be done again.
        posts: ids of the messages already posted for it, in order.
        draft: what people saw of the answer when an earlier worker lost the turn.
        cancel: what was asked of the turn meanwhile, if anything.
        answer: the whole answer, when an earlier worker had it already but did not get to finish.
        at: when the turn was accepted, in seconds since the epoch by the clock of Redis.
    """

    turn: Turn
    fence: int
    attempts: int
    version: int
    posts: tuple[str, ...]
    draft: str
    cancel: Action | None
    answer: Exchange | None
    at: float


@dataclass(frozen=True, slots=True)
class Renewal:
    """Answer to a heartbeat: what was asked of the running turn, and the turns queued behind it."""

    cancel: Action | None
    queued: tuple[str, ...]


class Store:
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
    ) -> None:
        self.client = client
        self.platform = platform
        self.prefix = f"glados:{{{platform}}}:"
        self.lease_s = lease_s
        self._ttl = ttl
        self._max_exchanges = max_exchanges
        self._max_queued = max_queued
        folder = resources.files("glados_bots") / "lua"
        self._scripts = {name: client.register_script((folder / f"{name}.lua").read_text()) for name in SCRIPTS}

    async def _run(self, script: str, *args: Any) -> Any:
        return await ask(self._scripts[script](keys=[self.prefix], args=args))

    # --- the inbox -------------------------------------------------------------------------------------------------

    async def accept(self, turn: Turn, *, dedupe: Sequence[str] = (), join_window_s: float = 0.0) -> Receipt:
        """Save a turn before the platform is told that we have it.

        Args:
            turn: the question.
            dedupe: further names of the same event, such as the platform's event id; the turn's id is always one.
            join_window_s: a question of the same author, not older than this and not begun, takes this text in.
        """
        keys = dict.fromkeys([turn.id, *dedupe])
        status, ahead = await self._run(
            "accept", turn.id, turn.conversation, turn.author, turn.to_json(), turn.text,
            int(join_window_s * 1000), self._max_queued, DEDUPE_SECONDS, self._ttl, *keys,
        )  # fmt: skip
        RECEIVED.labels(self.platform, status).inc()
        return Receipt(status, int(ahead))

    async def claim(self) -> Lease | None:
        """Take the lease of the conversation that waits longest, or None when nothing waits."""
        found = await self._run("claim", int(self.lease_s * 1000))
        if found is None:
            return None
        _, fence, _, flat = found
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        return Lease(
            turn=Turn.from_json(fields["data"], fields["text"]),
            fence=int(fence),
            attempts=int(fields["attempts"]),
            version=int(fields["version"]),
            posts=tuple(json.loads(fields["posts"])),
            draft=fields.get("draft", ""),
            cancel=cast("Action | None", fields.get("cancel")),
            answer=Exchange.from_json(fields["answer"]) if "answer" in fields else None,
            at=int(fields["at"]) / 1000,
        )

    async def wait_for_work(self, timeout_s: float) -> None:
        """Return when a turn was accepted, or after the timeout (leases also run out silently)."""
        await ask(cast("Awaitable[Any]", self.client.blpop([f"{self.prefix}wake"], timeout=timeout_s)))

    # --- a leased turn ---------------------------------------------------------------------------------------------

    async def renew(self, lease: Lease) -> Renewal | None:
        """Prolong a lease; None means that it is lost and the work must stop without a trace."""
        found = await self._run("renew", lease.turn.conversation, lease.fence, int(self.lease_s * 1000))
        return None if found is None else Renewal(found[0] or None, tuple(found[1:]))

    async def note_posts(self, lease: Lease, turn: str, posts: Sequence[str]) -> bool:
        """Remember the messages posted for a turn of the leased conversation; False when the lease is lost."""
        args = (lease.turn.conversation, lease.fence, turn, "posts", json.dumps(list(posts)))
        return bool(await self._run("note", *args))

    async def note_draft(self, lease: Lease, text: str) -> bool:
        """Remember what people are about to see, so that a worker who takes over can keep it."""
        return bool(await self._run("note", lease.turn.conversation, lease.fence, lease.turn.id, "draft", text))

    async def note_answer(self, lease: Lease, exchange: Exchange) -> bool:
        """Remember the whole answer before it is shown, so that a crash in between cannot lead to a second one."""
        args = (lease.turn.conversation, lease.fence, lease.turn.id, "answer", exchange.to_json())
        return bool(await self._run("note", *args))

    async def restart(self, lease: Lease) -> Lease:
        """Begin a turn again that was asked to be redone while it ran: the lease with its newest text."""
        async with self.client.pipeline(transaction=True) as pipe:
            key = f"{self.prefix}t:{lease.turn.id}"
            pipe.hdel(key, "cancel", "draft", "answer")
            pipe.hget(key, "text")
            _, text = await ask(pipe.execute())
        return replace(
            lease, turn=replace(lease.turn, text=text), version=lease.version + 1, draft="", cancel=None, answer=None
        )

    async def finish(self, lease: Lease, exchange: Exchange | None) -> bool:
        """End the turn in one step; False when the lease is lost.

        Args:
            lease: the right to do so.
            exchange: what to keep; a failed one also becomes a dead letter that an operator may list, retry or drop.
                None when the question was deleted: then every trace of the turn goes.
        """
        outcome = "gone" if exchange is None else "dead" if exchange.outcome == "failed" else "done"
        return bool(
            await self._run(
                "finish", lease.turn.conversation, lease.fence, lease.turn.id, outcome,
                exchange.to_json() if exchange else "", self._ttl, self._max_exchanges,
            )
        )  # fmt: skip

    async def release(self, lease: Lease) -> None:
        """Give the turn back unfinished, as at a shutdown."""
        await self._run("release", lease.turn.conversation, lease.fence, lease.turn.id)

    # --- from outside ----------------------------------------------------------------------------------------------

    async def change(self, turn: str, action: Action, text: str = "") -> str | None:
        """Stop, delete or redo a turn in whatever state it is; returns that state, None for an unknown turn."""
        return cast("str | None", await self._run("change", turn, action, text))

    async def turn(self, turn: str) -> Turn | None:
        """A turn by id, as long as it is kept."""
        found = await ask(
            cast("Awaitable[list[str | None]]", self.client.hmget(f"{self.prefix}t:{turn}", ["data", "text"]))
        )
        return Turn.from_json(found[0], found[1]) if found[0] and found[1] is not None else None

    async def posts(self, turn: str) -> tuple[str, ...]:
        """Ids of the messages posted for a turn so far."""
        found = await ask(cast("Awaitable[str | None]", self.client.hget(f"{self.prefix}t:{turn}", "posts")))
        return tuple(json.loads(found or "[]"))

    async def queue(self, conversation: str) -> tuple[str, ...]:
        """Turns not yet answered, in order; the first may be running."""
        found = self.client.lrange(f"{self.prefix}c:{conversation}:queue", 0, -1)
        return tuple(await ask(cast("Awaitable[list[str]]", found)))

    async def history(self, conversation: str) -> list[Exchange]:
        """All exchanges kept, oldest first."""
        key = f"{self.prefix}c:{conversation}"
        async with self.client.pipeline(transaction=True) as pipe:
            pipe.lrange(f"{key}:history", 0, -1)
            pipe.hgetall(f"{key}:exchanges")
            order, exchanges = await ask(pipe.execute())
        return [Exchange.from_json(exchanges[turn]) for turn in order if turn in exchanges]

    async def reset(self, conversation: str) -> None:
        """Forget a conversation's history and stop what runs or waits in it."""
        for turn in await self.queue(conversation):
            await self.change(turn, "delete")
        key = f"{self.prefix}c:{conversation}"
        await ask(self.client.delete(f"{key}:history", f"{key}:exchanges"))

    @asynccontextmanager
    async def signals(self) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        """Listen to (word, turn) pairs: queued, stop, delete, redo. Hints only: `renew` tells the truth."""
        async with self.client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await ask(pubsub.subscribe(f"{self.prefix}signal"))

            async def read() -> AsyncIterator[tuple[str, str]]:
                while True:
                    message = await ask(pubsub.get_message(timeout=3600))
                    if message:
                        word, _, turn = str(message["data"]).partition(" ")
                        yield word, turn

            yield read()

    async def load(self) -> tuple[int, int]:
        """Conversations with unanswered turns, those being answered among them, and dead letters."""
        async with self.client.pipeline(transaction=False) as pipe:
            pipe.zcard(f"{self.prefix}ready")
            pipe.zcard(f"{self.prefix}dead")
            waiting, dead = await ask(pipe.execute())
        return int(waiting), int(dead)

    async def ping(self) -> None:
        """Raise StoreUnavailableError unless Redis answers."""
        await ask(self.client.ping())
