"""Queries to the store of one platform. None of them changes anything."""

import json
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import cast

from glados_bots.conversation import Exchange, Turn
from glados_bots.store.connection import Client, prefix_of, reply_of
from glados_bots.store.leases import Action

RAW = "raw:"  # before the id of a file in the hash of contents: its bytes, as they came


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of a conversation, as it is stored: whoever searches many parses it in a thread."""

    exchanges: list[str]  # JSON of each, oldest first
    waiting: list[tuple[str, str]]  # id and text of each turn that is not answered yet


class StoreReads:
    """The queries of `Store`. Every method raises StoreUnavailableError if Redis is not reachable or refuses."""

    def __init__(self, client: Client, platform: str) -> None:
        self.client = client
        self.platform = platform
        self.prefix = prefix_of(platform)

    async def turn(self, turn: str) -> Turn | None:
        """A turn by id, or None once it has expired. The id of a joined message finds the turn that it is part of."""
        name = await self.turn_with(turn)
        call = self.client.hmget(f"{self.prefix}t:{name}", ["data", "text", "files"])
        data, text, files = await reply_of(cast("Awaitable[list[str | None]]", call))
        return Turn.from_json(data, text, files or "") if data and text is not None else None

    async def turn_with(self, message: str) -> str:
        """Id of the turn that answers a message: the message's own id, unless it was joined into another turn."""
        return await self._field(message, "into") or message

    async def asked_of(self, turn: str) -> Action | None:
        """The pending request about a turn that has not ended: stop, delete or redo; None if there is none."""
        return cast("Action | None", await self._field(turn, "cancel"))

    async def ending(self, turn: str) -> Exchange | None:
        """The saved end of a turn that is about to be shown; None before, and afterwards."""
        found = await self._field(turn, "answer")
        return Exchange.from_json(found) if found else None

    async def ended(self, turn: Turn) -> Exchange | None:
        """The exchange of a turn that has ended; None while it is being answered, and once it is forgotten."""
        if await self.state(turn.id) != "done":
            return None
        call = self.client.hget(f"{self.prefix}c:{turn.conversation}:exchanges", turn.id)
        found = await reply_of(cast("Awaitable[str | None]", call))
        return Exchange.from_json(found) if found else None

    async def posts(self, turn: str) -> tuple[str, ...]:
        """Ids of the messages posted for a turn so far."""
        return tuple(json.loads(await self._field(turn, "posts") or "[]"))

    async def known_among(self, turns: Sequence[str]) -> set[str]:
        """Those of these ids that are turns, or messages joined into a turn, and that the store still knows."""
        async with self.client.pipeline(transaction=False) as pipe:
            for turn in turns:
                pipe.exists(f"{self.prefix}t:{turn}")
            found = await reply_of(pipe.execute())
        return {turn for turn, exists in zip(turns, found, strict=True) if exists}

    async def first(self, conversation: str) -> str | None:
        """Id of the oldest turn of a conversation, answered or not; None if there is none."""
        key = f"{self.prefix}c:{conversation}"
        async with self.client.pipeline(transaction=True) as pipe:
            pipe.lindex(f"{key}:history", 0)
            pipe.lindex(f"{key}:queue", 0)
            answered, waiting = await reply_of(pipe.execute())
        return cast("str | None", answered or waiting)

    async def contents(self, turn: str) -> dict[str, str]:
        """What was read of a turn's files, by the id of each; see store/lua/files.lua. Bytes stay where they are."""
        key = f"{self.prefix}f:{turn}"
        names = await reply_of(cast("Awaitable[list[str]]", self.client.hkeys(key)))
        names = [name for name in names if not name.startswith(RAW)]
        if not names:
            return {}
        found = await reply_of(cast("Awaitable[list[str | None]]", self.client.hmget(key, names)))
        return {name: value for name, value in zip(names, found, strict=True) if value is not None}

    async def upload(self, turn: str, attachment: str) -> str | None:
        """The bytes, as base64, of a file that nobody has read yet; None if there are none."""
        call = self.client.hget(f"{self.prefix}f:{turn}", f"{RAW}{attachment}")
        return await reply_of(cast("Awaitable[str | None]", call))

    async def unread_among(self, turns: Sequence[str]) -> set[str]:
        """Those of these turns that have an uploaded file which nobody has read yet."""
        async with self.client.pipeline(transaction=False) as pipe:
            for turn in turns:
                pipe.hkeys(f"{self.prefix}f:{turn}")
            found = await reply_of(pipe.execute())
        return {turn for turn, names in zip(turns, found, strict=True) if any(name.startswith(RAW) for name in names)}

    async def state(self, turn: str) -> str | None:
        """`queued`, `running`, `dead` or `done`; None for a turn that is unknown or has expired."""
        return await self._field(turn, "state")

    async def _field(self, turn: str, name: str) -> str | None:
        return await reply_of(cast("Awaitable[str | None]", self.client.hget(f"{self.prefix}t:{turn}", name)))

    async def queue(self, conversation: str) -> tuple[str, ...]:
        """Ids of the turns not answered yet, in order; the first may be running."""
        found = self.client.lrange(f"{self.prefix}c:{conversation}:queue", 0, -1)
        return tuple(await reply_of(cast("Awaitable[list[str]]", found)))

    async def history(self, conversation: str) -> list[Exchange]:
        """All stored exchanges of a conversation, oldest first."""
        key = f"{self.prefix}c:{conversation}"
        async with self.client.pipeline(transaction=True) as pipe:
            pipe.lrange(f"{key}:history", 0, -1)
            pipe.hgetall(f"{key}:exchanges")
            order, exchanges = await reply_of(pipe.execute())
        return [Exchange.from_json(exchanges[turn]) for turn in order if turn in exchanges]

    async def stored(self, conversations: Sequence[str]) -> list[Stored]:
        """What is stored of each of some conversations."""
        async with self.client.pipeline(transaction=True) as pipe:
            for conversation in conversations:
                pipe.lrange(f"{self.prefix}c:{conversation}:history", 0, -1)
                pipe.hgetall(f"{self.prefix}c:{conversation}:exchanges")
                pipe.lrange(f"{self.prefix}c:{conversation}:queue", 0, -1)
            found = await reply_of(pipe.execute())
        texts = await self._texts([turn for queue in found[2::3] for turn in queue])
        return [
            Stored(
                [exchanges[turn] for turn in order if turn in exchanges],
                [(turn, texts[turn]) for turn in queue if turn not in exchanges and turn in texts],
            )
            for order, exchanges, queue in zip(found[::3], found[1::3], found[2::3], strict=True)
        ]

    async def _texts(self, turns: Sequence[str]) -> dict[str, str]:
        """The texts of turns, without those that have expired."""
        if not turns:
            return {}
        async with self.client.pipeline(transaction=False) as pipe:
            for turn in turns:
                pipe.hget(f"{self.prefix}t:{turn}", "text")
            found = await reply_of(pipe.execute())
        return {turn: text for turn, text in zip(turns, found, strict=True) if text is not None}

    async def load(self) -> tuple[int, int]:
        """(conversations with unanswered turns, including those being answered; dead letters)."""
        async with self.client.pipeline(transaction=False) as pipe:
            pipe.zcard(f"{self.prefix}ready")
            pipe.zcard(f"{self.prefix}dead")
            waiting, dead = await reply_of(pipe.execute())
        return int(waiting), int(dead)

    async def ping(self) -> None:
        """Raise StoreUnavailableError unless Redis answers."""
        await reply_of(self.client.ping())
