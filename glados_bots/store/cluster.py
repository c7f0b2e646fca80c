"""Redis Cluster: a client that sends each command to the node that owns the slot of its key.

All keys of a platform share a hash tag (see store/__init__.py), so every script and every transaction touches one slot.
A cluster therefore gives failover, but it does not spread a platform over its nodes. Each node has an ordinary client
with an ordinary pool. We do not use redis-py's RedisCluster: its pools fail instead of waiting, its transactions start
one thread per command, and many simultaneous first calls break its connections (seen with 8.1.0).
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import redis.asyncio as redis
from redis import exceptions
from redis.asyncio.client import Pipeline, PubSub
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.crc import key_slot

T = TypeVar("T")
Address = tuple[str, int]

SCHEMES = ("redis+cluster://", "rediss+cluster://")
PORT = 6379
URL_FORM = "it must have the form redis+cluster://user:password@host:port,host:port; a cluster has no database numbers"
TRIES = 5
PAUSE = ExponentialWithJitterBackoff(cap=0.5, base=0.05)
NODE_AWAY = (exceptions.ConnectionError, exceptions.TimeoutError)
ELSEWHERE = (
    exceptions.MovedError,
    exceptions.AskError,
    exceptions.TryAgainError,
    exceptions.ClusterDownError,
    *NODE_AWAY,
)
KEYLESS = frozenset({"PING", "PUBLISH"})  # any node can serve these; all other commands that we call name a key
EVERYWHERE = frozenset({"SCRIPT LOAD", "BGREWRITEAOF"})
SCRIPTS = frozenset({"EVALSHA", "EVAL"})


class Cluster(redis.Redis):
    """All nodes of a cluster, used like one server. All commands of a pipeline must be for keys of one slot."""

    def __init__(self, hosts: list[Address], **options: Any) -> None:
        super().__init__(connection_pool=redis.ConnectionPool(decode_responses=True))  # never connects
        self._hosts = hosts
        self._options = {**options, "retry": Retry(NoBackoff(), 0)}  # we retry ourselves, possibly on another node
        self._nodes: dict[Address, redis.Redis] = {}
        self._owners: list[tuple[int, int, Address]] = []
        self._looking = asyncio.Lock()

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """As in any client. SCRIPT LOAD and BGREWRITEAOF go to every node: each has its own scripts and files."""
        if args[0] in EVERYWHERE:
            answers = [await _send(node, *args, **options) for node in await self._masters()]
            return answers[0]
        if args[0] == "PUBSUB NUMSUB":  # each node knows only its own subscribers
            found = [await _send(node, *args, **options) for node in await self._masters()]
            return [(channel, sum(dict(each).get(channel, 0) for each in found)) for channel, _ in found[0]]
        key = None if args[0] in KEYLESS else args[3] if args[0] in SCRIPTS else args[1]
        return await self.follow(key, lambda node: _send(node, *args, **options))

    async def follow(self, key: Any, call: Callable[[redis.Redis], Awaitable[T]]) -> T:
        """Make a call to the node that owns the key's slot, even if the slot has moved. Without a key: to any node.

        A call is repeated only if the node refused it, or if it is safe to repeat (see connection.connect).
        """
        for attempt in range(1, TRIES):
            try:
                return await call(await self._owner(key))
            except ELSEWHERE:
                self._owners = []
                await asyncio.sleep(PAUSE.compute(attempt))
        return await call(await self._owner(key))

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> "OneSlotPipeline":
        """Commands for keys of one slot. The first argument of the first command must be a key: it names the slot."""
        del shard_hint
        return OneSlotPipeline(self, transaction=transaction)

    def pubsub(self, **options: Any) -> PubSub:
        """A subscription at any node: a cluster forwards messages to all nodes."""
        return self._node(random.choice([*self._nodes, *self._hosts])).pubsub(**options)  # noqa: S311 - no secret

    async def scan_iter(self, *args: Any, **options: Any) -> AsyncIterator[Any]:  # type: ignore[override]  # redis-py's
        for node in await self._masters():
            async for key in node.scan_iter(*args, **options):
                yield key

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        for node in self._nodes.values():
            await node.aclose(close_connection_pool)

    async def _owner(self, key: Any) -> redis.Redis:
        slot = random.randrange(2**14) if key is None else key_slot(str(key).encode())  # noqa: S311 - no secret
        for first, last, address in await self._map():
            if first <= slot <= last:
                return self._node(address)
        raise exceptions.ClusterDownError(f"no node has slot {slot}")

    async def _masters(self) -> list[redis.Redis]:
        return [self._node(address) for address in {address for *_, address in await self._map()}]

    def _node(self, address: Address) -> redis.Redis:
        if address not in self._nodes:
            host, port = address
            self._nodes[address] = redis.Redis.from_pool(
                redis.BlockingConnectionPool(host=host, port=port, **self._options)
            )
        return self._nodes[address]

    async def _map(self) -> list[tuple[int, int, Address]]:
        """(first slot, last slot, node) for all slots, as reported by the first node that answers."""
        async with self._looking:
            for address in [*self._nodes, *self._hosts] if not self._owners else []:
                try:
                    found = await _send(self._node(address), "CLUSTER SLOTS")
                except NODE_AWAY:
                    continue
                self._owners = [
                    (first, last, (master[0] or address[0], master[1])) for first, last, master, *_ in found
                ]
                break
            if not self._owners:
                raise exceptions.ConnectionError("no node of the cluster answers")
            return self._owners


class OneSlotPipeline(Pipeline):
    """A pipeline that finds the node of its slot when it is sent."""

    def __init__(self, cluster: Cluster, *, transaction: bool) -> None:
        super().__init__(cluster.connection_pool, cluster.response_callbacks, transaction, None)
        self._cluster = cluster

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        stack = list(self.command_stack)
        if not stack:
            return []

        async def send(node: redis.Redis) -> list[Any]:
            self.command_stack = list(stack)  # an earlier attempt has emptied it
            self.connection_pool = node.connection_pool
            return list(await super(OneSlotPipeline, self).execute(raise_on_error))

        return await self._cluster.follow(stack[0][0][1], send)


async def _send(node: redis.Redis, *args: Any, **options: Any) -> Any:
    return await node.execute_command(*args, **options)  # type: ignore[no-untyped-call]


def parts(url: str) -> tuple[list[Address], dict[str, Any]]:
    """(nodes to ask first, options of a connection). Raises ValueError, whose text shows no part of the URL."""
    found = urlsplit(url)
    hosts, own = servers(found.netloc, PORT, URL_FORM)
    if found.path.strip("/"):
        raise ValueError(URL_FORM)
    return hosts, own | ({"connection_class": redis.SSLConnection} if url.startswith("rediss") else {})


def servers(text: str, port: int, form: str) -> tuple[list[Address], dict[str, Any]]:
    """(hosts, credentials) of `user:password@host:port,host`; `port` is used where none is given.

    Raises:
        ValueError: the text does not have this form; the message is `form`.
    """
    credentials, _, listed = text.rpartition("@")
    try:
        each = [urlsplit(f"//{host}") for host in listed.split(",")]
        hosts = [(host.hostname or "", host.port or port) for host in each]
    except ValueError:
        raise ValueError(form) from None
    if not all(name for name, _ in hosts):
        raise ValueError(form)
    user, _, password = credentials.partition(":")
    return hosts, {name: unquote(value) for name, value in (("username", user), ("password", password)) if value}


def connect(url: str, **options: Any) -> Cluster:
    """A client for a URL of SCHEMES; redis-py's connections and blocking pool define the `options`."""
    hosts, own = parts(url)
    return Cluster(hosts, **own, **options)
