"""What is stored about answers and people: votes, who took part in which conversation, and how to delete all of it.

Two things stay. The ids of accepted events stay for a day, so that nothing is answered twice; they are the platform's
message ids, without text or person. The counters of limits stay until the day ends, so that nobody escapes a limit by
asking to be forgotten; they hide whom they count.
"""

from collections.abc import Awaitable, Sequence
from typing import Literal, cast

from glados_bots.conversation import Exchange
from glados_bots.metrics import VOTES
from glados_bots.store.connection import reply_of
from glados_bots.store.store import Store

Vote = Literal["up", "down", ""]


class Records:
    """Votes and people of one platform. Every method raises StoreUnavailableError if Redis is not reachable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def vote(self, turn: str, author: str, vote: Vote) -> bool:
        """Store a person's vote on an answer; '' withdraws it. False if the answer is unknown or has expired."""
        before = await self._store.run_script("vote", turn, author, vote, self._store.ttl)
        if before is not None and before != vote:
            VOTES.labels(self._store.platform, vote or "withdrawn").inc()
        return before is not None

    async def press(self, turn: str, author: str, vote: Vote) -> Vote | None:
        """Store a vote; the same vote again withdraws it. Returns the vote that counts now, None without an answer."""
        chosen: Vote = "" if (await self.votes(turn)).get(author) == vote else vote
        return chosen if await self.vote(turn, author, chosen) else None

    async def votes(self, turn: str) -> dict[str, Vote]:
        name = await self._store.turn_with(turn)
        call = self._store.client.hgetall(f"{self._store.prefix}v:{name}")
        return cast("dict[str, Vote]", await reply_of(cast("Awaitable[dict[str, str]]", call)))

    async def votes_by(self, author: str, turns: Sequence[str]) -> dict[str, Vote]:
        """A person's votes on the answers of these turns, by turn."""
        async with self._store.client.pipeline(transaction=False) as pipe:
            for turn in turns:
                pipe.hget(f"{self._store.prefix}v:{turn}", author)
            found = await reply_of(pipe.execute())
        return {turn: vote for turn, vote in zip(turns, found, strict=True) if vote}

    async def conversations_of(self, author: str) -> list[str]:
        """Conversations with questions or votes of a person. Expired ones are removed from the stored list."""
        key = f"{self._store.prefix}a:{author}"
        found = sorted(await reply_of(cast("Awaitable[set[str]]", self._store.client.smembers(key))))
        alive = [name for name in found if await self._store.queue(name) or await self._store.history(name)]
        if gone := set(found) - set(alive):
            await reply_of(self._store.client.srem(key, *gone))
        return alive

    async def askers(self, conversation: str) -> set[str]:
        """People who asked a question in a conversation, answered or not."""
        waiting = [await self._store.turn(turn) for turn in await self._store.queue(conversation)]
        answered = await self._store.history(conversation)
        return {exchange.author for exchange in answered} | {turn.author for turn in waiting if turn}

    async def exchanges_of(self, author: str) -> list[tuple[str, Exchange]]:
        """(conversation, exchange) for each stored question of a person, oldest first."""
        found = [
            (conversation, exchange)
            for conversation in await self.conversations_of(author)
            for exchange in await self._store.history(conversation)
            if exchange.author == author
        ]
        return sorted(found, key=lambda kept: kept[1].at)

    async def forget_conversation(self, conversation: str) -> tuple[str, ...]:
        """Forget a conversation and end its running and waiting turns. Returns the forgotten turns."""
        return tuple(await self._store.run_script("forget", conversation, "", ""))

    async def forget_author(self, author: str) -> tuple[str, ...]:
        """Forget a person's questions, their answers and the person's votes everywhere. Returns the forgotten turns."""
        gone: list[str] = []
        for conversation in await self.conversations_of(author):
            gone += await self._store.run_script("forget", conversation, author, "")
        return tuple(gone)

    async def forget_turn(self, turn: str) -> bool:
        """Forget one exchange or dead letter; the platform's messages stay. False if the turn is unknown."""
        found = await self._store.turn(turn)
        return bool(found and await self._store.run_script("forget", found.conversation, "", found.id))
