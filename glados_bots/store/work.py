"""How much work a platform has, as counted in Redis. The figures contain no names, and nothing that people wrote."""

from dataclasses import dataclass

from redis.exceptions import RedisError

from glados_bots.store.connection import Client, prefix_of, reply_of


@dataclass(frozen=True, slots=True)
class Work:
    """One platform's work."""

    name: str  # name of the platform
    workers: int | None  # processes that answer its questions; None if Redis does not tell
    answering: int  # conversations that are being answered
    waiting: int  # conversations that wait for a worker
    dead: int  # questions that were given up and are stored for an operator

    @property
    def is_used(self) -> bool:
        """Whether the platform has any worker or any work."""
        return bool(self.workers or self.answering or self.waiting or self.dead)


async def work(client: Client, platform: str) -> Work:
    prefix = prefix_of(platform)
    seconds, microseconds = await reply_of(client.time())
    now = seconds * 1000 + microseconds // 1000
    async with client.pipeline(transaction=False) as pipe:
        pipe.zcount(f"{prefix}ready", f"({now}", "+inf")  # leased conversations: their score is the end of the lease
        pipe.zcount(f"{prefix}ready", "-inf", now)
        pipe.zcard(f"{prefix}dead")
        answering, waiting, dead = await reply_of(pipe.execute())
    return Work(platform, await _workers(client, f"{prefix}signal"), int(answering), int(waiting), int(dead))


async def _workers(client: Client, channel: str) -> int | None:
    """Number of workers: each one listens to its platform's signals, and Redis counts the listeners."""
    try:
        found = await client.pubsub_numsub(channel)
    except (RedisError, OSError, AttributeError):
        return None  # an older access list forbids the command, or the client does not have it
    return int(found[0][1]) if found else 0
