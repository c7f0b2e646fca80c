"""How much of their limits people have used. It only reads the counters of limits.py."""

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from glados_bots.store.connection import reply_of
from glados_bots.store.limits import Kind
from glados_bots.store.store import Store
from glados_bots.wording.sentence import Sentence, joined, say

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Used:
    """One limit and how much of it is used."""

    scope: str  # `user`, `channel` or `all`
    kind: Kind  # questions per minute, or tokens per day
    used: int  # so far
    most: int  # allowed

    @property
    def sentence(self) -> Sentence:
        return say(f"used-{self.kind}-{self.scope}", used=self.used, most=self.most)


async def usage(store: Store, author: str, channel: str = "") -> list[Used]:
    """What a person, a channel and all people have used of each set limit. Raises StoreUnavailableError."""
    limited = [each for each in store.limits.scopes(author, channel) if channel or not each[0].startswith("channel:")]
    since = f"({(time.time() - 60) * 1000:.0f}"
    async with store.client.pipeline(transaction=False) as pipe:
        for name, _ in limited:
            pipe.zcount(f"{store.prefix}limit:minute:{name}", since, "+inf")
            pipe.get(f"{store.prefix}limit:tokens:{name}")
        found = await reply_of(cast("Awaitable[list[str | int | None]]", pipe.execute()))
    used = []
    for (name, limit), asked, tokens in zip(limited, found[::2], found[1::2], strict=True):
        scope = name.partition(":")[0]
        if limit.per_minute:
            used.append(Used(scope, "minute", int(asked or 0), limit.per_minute))
        if limit.tokens_per_day:
            used.append(Used(scope, "day", int(tokens or 0), limit.tokens_per_day))
    return used


def describe(used: list[Used]) -> Sentence:
    if not used:
        return say("no-limit")
    left = timedelta(seconds=DAY_S - time.time() % DAY_S)
    entries = joined(*(say("list-entry", entry=each.sentence) for each in used), by="two-lines")
    return joined(entries, say("tokens-restart-in", wait=left), by="two-paragraphs")
