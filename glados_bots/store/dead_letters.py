"""Turns as an operator sees them: those given up with an apology (dead letters), and those not answered yet."""

import json
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import cast

from glados_bots.conversation import Exchange, Turn
from glados_bots.store.connection import reply_of
from glados_bots.store.records import Records
from glados_bots.store.store import Store


@dataclass(frozen=True, slots=True)
class Letter:
    """One turn as an operator needs to see it."""

    platform: str  # where the question was asked
    turn: Turn  # the question, with author, conversation and place
    state: str  # `dead`, `queued` or `running`
    at: float  # when the turn was accepted, in seconds since the epoch
    given_up_at: float | None  # when it became a dead letter, in seconds since the epoch; None for other turns
    attempts: int  # how often a worker began it
    error: str  # what went wrong: the last exception, or what the person was told


async def dead(store: Store) -> list[Letter]:
    """Dead letters, oldest first. Letters whose turn has expired are removed from the list."""
    call = store.client.zrange(f"{store.prefix}dead", 0, -1, withscores=True)
    found = []
    for name, score in await reply_of(cast("Awaitable[list[tuple[str, float]]]", call)):
        letter = await _letter(store, name, score / 1000)
        if letter:
            found.append(letter)
        else:
            await reply_of(store.client.zrem(f"{store.prefix}dead", name))
    return found


async def unanswered(store: Store) -> list[Letter]:
    """Turns that wait or run, grouped by conversation, in order."""
    conversations = await reply_of(cast("Awaitable[list[str]]", store.client.zrange(f"{store.prefix}ready", 0, -1)))
    letters = [await _letter(store, turn, None) for name in conversations for turn in await store.queue(name)]
    return [letter for letter in letters if letter]


async def retry(store: Store, turn: str) -> bool:
    """Answer a dead letter again, in its original place. False if no dead letter has this id."""
    if await store.state(turn) != "dead":
        return False
    return await store.change(turn, "redo") is not None


async def drop(store: Store, turn: str) -> bool:
    """Forget a dead letter, or end a turn that waits or runs and delete its messages. False if there is none."""
    return await store.state(turn) in {"dead", "queued", "running"} and await Records(store).forget_turn(turn)


async def _letter(store: Store, name: str, given_up_at: float | None) -> Letter | None:
    call = store.client.hgetall(f"{store.prefix}t:{name}")
    fields = await reply_of(cast("Awaitable[dict[str, str]]", call))
    if "data" not in fields:
        return None
    turn = Turn.from_json(fields["data"], fields["text"], fields.get("files", ""))
    error = fields.get("error") or await _apology(store, turn)
    return Letter(
        store.platform, turn, fields["state"], int(fields["at"]) / 1000, given_up_at, int(fields["attempts"]), error
    )


async def _apology(store: Store, turn: Turn) -> str:
    """What the person was told instead of an answer."""
    call = store.client.hget(f"{store.prefix}c:{turn.conversation}:exchanges", turn.id)
    found = await reply_of(cast("Awaitable[str | None]", call))
    exchange = Exchange.from_json(found) if found else None
    return exchange.answer if exchange and exchange.outcome == "failed" else ""


def as_json(letter: Letter) -> str:
    """One letter as a line of JSON, without the text of the question."""
    turn = json.loads(letter.turn.to_json())
    return json.dumps({
        "platform": letter.platform, "state": letter.state, "at": letter.at, "given_up_at": letter.given_up_at,
        "attempts": letter.attempts, "error": letter.error, **turn,
    })  # fmt: skip
