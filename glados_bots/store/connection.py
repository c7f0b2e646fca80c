"""Access to Redis: a client, one call whose errors become ours, and the scripts in lua/."""

import asyncio
import re
from collections.abc import Awaitable
from importlib import resources
from typing import TypeVar

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError

from glados_bots.errors import StoreUnavailableError
from glados_bots.store import urls

Client = redis.Redis
T = TypeVar("T")

# redis-py's errors quote the failed command of a pipeline, and some servers quote its arguments: people's words.
QUOTED = re.compile(r"Command # \d+ \(.*\) of pipeline caused error: |,? with args beginning with: .*", re.DOTALL)


def connect(url: str, *, max_connections: int = 100) -> Client:
    """A client whose pool waits instead of failing, and whose calls all have a timeout.

    Sends nothing yet. A call on a broken connection is retried three times: reads and our scripts are safe to repeat.
    """
    return urls.client(
        url,
        max_connections=max_connections,
        timeout=5,
        socket_connect_timeout=2,
        socket_timeout=5,
        health_check_interval=30,
        decode_responses=True,
        retry=Retry(ExponentialWithJitterBackoff(cap=0.5, base=0.05), 3),
    )


async def reply_of(call: Awaitable[T]) -> T:
    """Await one Redis call; any error from Redis becomes StoreUnavailableError.

    redis-py 8.1 loses about one in five cancellations that arrive while it waits for an answer, or turns it into a
    timeout. Here no cancellation is lost.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        result = await call
    except (RedisError, OSError, TimeoutError) as error:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError from error
        reason = QUOTED.sub("", str(error))
        raise StoreUnavailableError(f"the conversation store does not answer: {reason}") from error
    if task and task.cancelling() > before:
        raise asyncio.CancelledError
    return result


def prefix_of(platform: str) -> str:
    """The prefix of every key of a platform. The braces put all its keys into one slot of a cluster."""
    return f"glados:{{{platform}}}:"


def script(*names: str) -> str:
    """The text of these scripts in lua/, joined in order."""
    folder = resources.files("glados_bots.store") / "lua"
    return "".join((folder / f"{name}.lua").read_text() for name in names)
