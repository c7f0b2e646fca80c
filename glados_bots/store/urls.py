"""From a URL to a client: for one server, for the current master of a group under Sentinel, or for a cluster.

    redis://user:password@host:6379/0, rediss://..., unix:///path
    redis+sentinel://user:password@one:26379,two:26379,three:26379/SERVICE/0
    redis+cluster://user:password@one:6379,two:6379
    rediss+sentinel://..., rediss+cluster://...            TLS to the servers and to the sentinels

User and password are for the servers. For Sentinels with their own password, add `?sentinel_password=...` (and
`sentinel_username`).
"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from glados_bots.store import cluster

SENTINEL_PORT = 26379
PLAIN = ("redis://", "rediss://", "unix://")
SENTINEL = ("redis+sentinel://", "rediss+sentinel://")


class SentinelPool(SentinelConnectionPool, redis.BlockingConnectionPool):
    """Connections to the current master; when all are in use, a call waits instead of failing."""

    async def aclose(self) -> None:
        """Also close our connections to the Sentinels, which redis-py leaves open."""
        await super().aclose()
        for sentinel in self.sentinel_manager.sentinels:
            await sentinel.aclose()


def check(url: str) -> None:
    """Raise ValueError if we cannot use this URL; its text shows no part of the URL."""
    if not url.startswith((*PLAIN, *SENTINEL, *cluster.SCHEMES)):
        raise ValueError("it must begin with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://")
    if url.startswith(SENTINEL):
        _sentinel_parts(url)
    if url.startswith(cluster.SCHEMES):
        cluster.parts(url)


def client(url: str, *, max_connections: int, timeout: float, **options: Any) -> redis.Redis:
    """A client for a URL that `check` accepts; it connects at its first call.

    Args:
        url: in a form that this module's docstring lists.
        max_connections: from one process to one server; when all are in use, a call waits for a free one.
        timeout: how long a call waits for a free connection, in seconds.
        options: options of redis-py's connections.
    """
    options |= {"max_connections": max_connections, "timeout": timeout}
    return (
        cluster.connect(url, **options)
        if url.startswith(cluster.SCHEMES)
        else redis.Redis.from_pool(pool(url, **options))
    )


def pool(url: str, **options: Any) -> redis.ConnectionPool:
    """A pool for a URL of one server or of Sentinels; redis-py and its blocking pool define the `options`."""
    if not url.startswith(SENTINEL):
        return redis.BlockingConnectionPool.from_url(url, **options)
    hosts, service, own, sentinel = _sentinel_parts(url)
    ssl = {"ssl": True} if url.startswith("rediss") else {}
    patience = {name: options[name] for name in ("socket_connect_timeout", "socket_timeout") if name in options}
    once = Retry(NoBackoff(), 0)  # the next Sentinel is asked instead; the retry in `options` asks all of them again
    group = Sentinel(hosts, sentinel_kwargs={**sentinel, **ssl, **patience, "retry": once})  # type: ignore[no-untyped-call]
    return SentinelPool(service, group, **own, **ssl, **options)  # type: ignore[no-untyped-call]


def _sentinel_parts(url: str) -> tuple[list[tuple[str, int]], str, dict[str, Any], dict[str, str]]:
    """(sentinels, service, options of a connection to a server, options of a connection to a sentinel)."""
    form = "it must have the form redis+sentinel://user:password@host:port,host:port/service/database"
    parts = urlsplit(url)
    hosts, own = cluster.servers(parts.netloc, SENTINEL_PORT, form)
    service, _, database = parts.path.strip("/").partition("/")
    if not service or not (database or "0").isdecimal():
        raise ValueError(form)
    own["db"] = int(database or 0)
    wanted = parse_qs(parts.query)
    sentinel = {
        name: wanted[f"sentinel_{name}"][0] for name in ("username", "password") if f"sentinel_{name}" in wanted
    }
    return hosts, service, own, sentinel
