"""Redis Cluster: redis-py's client, with transactions that go to the one node that owns their slot.

All keys of a platform share a hash tag (see store.py), so every script and every transaction touches one slot: a cluster
gives failover, but it does not spread a platform over its nodes. redis-py's own transactions in a cluster start a thread
and an event loop for every command that is queued; ours are its ordinary pipelines, on connections of the owner.
"""

import asyncio
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import redis.asyncio as redis
from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterNode, _ClusterNodePoolAdapter
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AskError, ConnectionError, MovedError, RedisClusterException, TimeoutError, TryAgainError

SCHEMES = ("redis+cluster://", "rediss+cluster://")
PORT = 6379
FORM = "it must have the form redis+cluster://user:password@host:port,host:port; a cluster has no database numbers"
MOST_CONNECTIONS = 10_000  # of one node: redis-py has no pool for clusters that waits, so it must not be exhausted
TRIES = 4
MOVED = (MovedError, AskError, TryAgainError, ConnectionError, TimeoutError)
PAUSE = ExponentialWithJitterBackoff(cap=0.5, base=0.05)


class Cluster(redis.RedisCluster):
    """The client of a cluster, for those who expect the client of one server."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """As of any client: a cluster that cannot be reached is a connection that failed."""
        try:
            return await super().execute_command(*args, **options)
        except RedisClusterException as error:
            raise ConnectionError(str(error)) from error

    def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> Any:
        """Commands for keys of one slot; the first one names it, so its first argument must be a key."""
        del shard_hint
        return OneSlotPipeline(self, transaction=bool(transaction))

    async def owner(self, key: str) -> ClusterNode:
        """The node that has the key's slot, as far as is known. Raises ConnectionError when nobody says."""
        try:
            await self.initialize()
            node = self.get_node_from_key(key)
        except RedisClusterException as error:
            raise ConnectionError(str(error)) from error
        if node is None:
            raise ConnectionError("no node of the cluster has the slot of this key")
        return node

    async def look_again(self) -> None:
        """Ask the cluster who owns what, after a node was gone or a slot had moved."""
        try:
            await self.nodes_manager.initialize()
        except RedisClusterException as error:
            raise ConnectionError(str(error)) from error


class OneSlotPipeline(Pipeline):
    """A pipeline that finds the owner of its slot, wherever that has moved to meanwhile."""

    def __init__(self, cluster: Cluster, *, transaction: bool) -> None:
        super().__init__(cast("Any", None), cluster.response_callbacks, transaction, None)
        self._cluster = cluster

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """As of any pipeline; what is repeated was refused, or is safe to repeat (see store.connect)."""
        stack = list(self.command_stack)
        for attempt in range(1, TRIES + 1):
            self.command_stack = list(stack)  # the one before was emptied by its try
            try:
                node = await self._cluster.owner(stack[0][0][1])
                self.connection_pool = cast("Any", _ClusterNodePoolAdapter(node))
                return cast("list[Any]", await super().execute(raise_on_error))
            except MOVED:
                if attempt == TRIES:
                    raise
                await asyncio.sleep(PAUSE.compute(attempt))
                await self._cluster.look_again()
        return []


def parts(url: str) -> tuple[list[tuple[str, int]], dict[str, Any]]:
    """(nodes to ask first, what a connection needs). Raises ValueError, whose text shows nothing of the URL."""
    found = urlsplit(url)
    credentials, _, listed = found.netloc.rpartition("@")
    try:
        each = [urlsplit(f"//{host}") for host in listed.split(",")]
        hosts = [(host.hostname or "", host.port or PORT) for host in each]
    except ValueError:
        raise ValueError(FORM) from None
    if not all(name for name, _ in hosts) or found.path.strip("/") not in {"", "0"}:
        raise ValueError(FORM)
    user, _, password = credentials.partition(":")
    own: dict[str, Any] = {"ssl": True} if url.startswith("rediss") else {}
    own |= {name: unquote(value) for name, value in (("username", user), ("password", password)) if value}
    return hosts, own


def connect(url: str, **options: Any) -> Cluster:
    """A client for a URL of SCHEMES; `options` are those of redis-py's connections."""
    hosts, own = parts(url)
    nodes = [ClusterNode(host, port) for host, port in hosts]
    return Cluster(startup_nodes=nodes, max_connections=MOST_CONNECTIONS, **own, **options)
